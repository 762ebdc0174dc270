//! `[proxy]`: what holds for every name behind the gate, unless its `[[egress]]` says otherwise.

use std::net::IpAddr;

use crate::{Bytes, Rate};

/// The gate's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The resolvers the gate asks, never Docker's (it would find itself); never empty.
    pub resolvers: Vec<IpAddr>,
    /// Requests a client may make to one name.
    pub rate: Rate,
    /// Requests above the rate that are let through at once, 0 to 100,000.
    pub burst: u32,
    /// The largest request body.
    pub body: Bytes,
}
