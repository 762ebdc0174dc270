//! The addresses of the place where a probe is made, and its interfaces. The tables are those of the
//! thread that asks, since each vantage has a thread of its own.

use std::net::IpAddr;

use engine::inet6;

use super::Step;
use crate::probe::observation::Observation;

/// Of the thread that asks, which is what "self" would not be.
const TABLE: &str = "/proc/thread-self/net/if_inet6";

/// The index of an interface, which a link-local address has to be asked through (RFC 4007 section 6).
pub(super) fn index(interface: &str) -> Step<u32> {
    let found = inet6::read(&table()).into_iter().find(|own| own.interface == interface);
    found
        .map(|own| own.index)
        .ok_or_else(|| Observation::Unreachable(format!("no interface {interface} with IPv6 here")))
}

/// Is there an IPv6 address other than loopback?
pub(super) fn has_v6() -> bool {
    inet6::read(&table()).iter().any(|own| !own.ip.is_loopback())
}

/// Is this one of the place's own addresses? What answers a group from there is ourselves.
pub(super) fn is_own(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V6(ip) => inet6::read(&table()).iter().any(|own| own.ip == ip),
        // An address is our own if it can be bound; IPv4 has no table as plain as the other.
        IpAddr::V4(_) => std::net::UdpSocket::bind((ip, 0)).is_ok(),
    }
}

/// A kernel without IPv6 has no table.
fn table() -> String {
    std::fs::read_to_string(TABLE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_somebody_else_is_not_our_own() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()) && !is_own("2001:db8::1".parse().unwrap()));
    }
}
