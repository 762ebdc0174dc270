//! `[proxy]`: what holds for every name behind the gate, unless its `[[egress]]` says otherwise.

use std::net::IpAddr;

use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::sections::cell::address;
use crate::{Bytes, Per, Rate};

/// Section `[proxy]`: the gate's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The resolvers the gate asks, never Docker's (it would find itself); never empty.
    pub resolvers: Vec<IpAddr>,
    /// Requests a client may make to one name.
    pub rate: Rate,
    /// Requests above the rate that are let through at once, 0 to 100,000.
    pub burst: u32,
    /// The largest request body that the gate takes, in bytes.
    pub body: Bytes,
}

/// nginx asks them in turn; more than a few make no name resolve better.
const MOST_RESOLVERS: usize = 8;
pub(crate) const MOST_BURST: u32 = 100_000;

pub(crate) fn read(section: &Section<'_>) -> Option<Proxy> {
    let resolvers = section.or("resolvers", vec![[9, 9, 9, 9].into()], |value| value.list(1..=MOST_RESOLVERS, address));
    let rate = section.or("rate", Rate { requests: 10, per: Per::Second }, Value::parsed);
    let burst = section.or("burst", 20, |value| value.integer(0..=MOST_BURST));
    let body = section.or("body", Bytes(1 << 30), Bytes::read);
    Some(Proxy { resolvers: resolvers?, rate: rate?, burst: burst?, body: body? })
}
