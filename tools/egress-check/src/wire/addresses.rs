//! The addresses of the place where a probe is made, and its interfaces. The tables are those of the
//! thread that asks, since each seat has a thread of its own.

use std::net::{IpAddr, Ipv6Addr};

use super::Step;
use crate::sight::Sight;

/// proc(5): one line an address: 32 hex digits, index, prefix length, scope, flags (all hex), interface.
const TABLE: &str = "/proc/thread-self/net/if_inet6";

/// An IPv6 address of an interface.
struct Own {
    ip: Ipv6Addr,
    index: u32,
    interface: String,
}

/// The index of an interface, which a link-local address has to be asked through (RFC 4007 section 6).
pub(super) fn index(interface: &str) -> Step<u32> {
    let found = read(&table()).into_iter().find(|own| own.interface == interface);
    found.map(|own| own.index).ok_or_else(|| Sight::Unreachable(format!("no interface {interface} with IPv6 here")))
}

/// Is there an IPv6 address other than loopback?
pub(super) fn has_v6() -> bool {
    read(&table()).iter().any(|own| !own.ip.is_loopback())
}

/// Is this one of the place's own addresses? What answers a group from there is ourselves.
pub(super) fn is_own(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V6(ip) => read(&table()).iter().any(|own| own.ip == ip),
        // An address is our own if it can be bound; IPv4 has no table as plain as the other.
        IpAddr::V4(_) => std::net::UdpSocket::bind((ip, 0)).is_ok(),
    }
}

/// A kernel without IPv6 has no table.
fn table() -> String {
    std::fs::read_to_string(TABLE).unwrap_or_default()
}

fn read(table: &str) -> Vec<Own> {
    let addresses = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let digits = words.first().filter(|digits| digits.len() == 32)?;
        let ip = u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)?;
        let index = u32::from_str_radix(words.get(1)?, 16).ok()?;
        Some(Own { ip, index, interface: (*words.last()?).to_owned() })
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_with_index_and_interface() {
        let table = "fe800000000000000042acfffe1e0102 0a 40 20 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\nx\n";
        let found = read(table);
        let first = found.first().unwrap();
        assert_eq!((first.index, first.interface.as_str()), (10, "eth0"));
        assert_eq!(first.ip, "fe80::42:acff:fe1e:102".parse::<Ipv6Addr>().unwrap());
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn an_address_of_somebody_else_is_not_our_own() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()) && !is_own("2001:db8::1".parse().unwrap()));
    }
}
