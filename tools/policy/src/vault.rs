//! `[vault]`: the TLS front of the agent's gateway.

use std::net::SocketAddr;

use crate::Pin;

/// The vault's addresses and pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// The port published on the host; always a loopback address.
    pub listen: SocketAddr,
    /// The agent's gateway inside the cell's namespace; always a loopback address.
    pub upstream: SocketAddr,
    /// Accepted certificates: current and next. Empty until the first certificate is made.
    pub pins: Vec<Pin>,
}
