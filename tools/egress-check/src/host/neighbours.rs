//! Addresses and routes, from the tables of proc(5): `fib_trie`, `if_inet6`, `route`, `ipv6_route`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use engine::{fib_trie, inet6};

/// `RTF_UP` and `RTF_GATEWAY` of the kernel's `route.h`.
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;

/// The addresses of `fib_trie`, loopback left out.
pub(super) fn own_v4(trie: &str) -> Vec<IpAddr> {
    fib_trie::local(trie).into_iter().filter(|ip| !ip.is_loopback()).map(IpAddr::V4).collect()
}

/// The addresses in `if_inet6`, loopback and link-local left out, and those that nobody can reach yet.
pub(super) fn own_v6(table: &str) -> Vec<IpAddr> {
    let usable = inet6::read(table).into_iter().filter(|own| own.usable);
    usable.map(|own| own.ip).filter(|ip| !ip.is_loopback() && !ip.is_unicast_link_local()).map(IpAddr::V6).collect()
}

/// The link-local address of each interface in `if_inet6` that can be used.
pub(super) fn links(table: &str) -> Vec<(String, Ipv6Addr)> {
    let local = inet6::read(table).into_iter().filter(|own| own.usable && own.ip.is_unicast_link_local());
    local.map(|own| (own.interface, own.ip)).collect()
}

/// Default gateways in `route`.
pub(super) fn routers_v4(table: &str) -> Vec<IpAddr> {
    let routers = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let flags = u32::from_str_radix(words.get(3)?, 16).ok()?;
        let (gateway, mask) = (hex_v4(words.get(2)?)?, hex_v4(words.get(7)?)?);
        (flags & UP != 0 && flags & GATEWAY != 0 && mask.is_unspecified()).then_some(IpAddr::V4(gateway))
    });
    routers.collect()
}

/// Default gateways in `ipv6_route`, link-local ones left out: those need an interface to be named by.
pub(super) fn routers_v6(table: &str) -> Vec<IpAddr> {
    gateways_v6(table).filter(|gateway| !gateway.is_unicast_link_local()).map(IpAddr::V6).collect()
}

/// Is there any default gateway in `ipv6_route`? Most are link-local.
pub(super) fn has_way_out_v6(table: &str) -> bool {
    gateways_v6(table).next().is_some()
}

fn gateways_v6(table: &str) -> impl Iterator<Item = Ipv6Addr> {
    table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let flags = u32::from_str_radix(words.get(8)?, 16).ok()?;
        let is_default = *words.get(1)? == "00" && flags & UP != 0 && flags & GATEWAY != 0;
        inet6::address(words.get(4)?).filter(|_| is_default)
    })
}

/// Hosts of the LAN that answered lately: the complete entries (flag 2) of `arp`.
pub(super) fn alive_v4(table: &str) -> Vec<IpAddr> {
    let entries = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let flags = u32::from_str_radix(words.get(2)?.strip_prefix("0x")?, 16).ok()?;
        (flags & 2 != 0).then(|| words.first()?.parse().ok()).flatten()
    });
    entries.collect()
}

/// The interface of the first default gateway, in `route` or else in `ipv6_route`.
pub(super) fn uplink(v4: &str, v6: &str) -> Option<String> {
    let first = v4.lines().skip(1).find(|line| !routers_v4(&format!("\n{line}")).is_empty());
    let first = first.and_then(|line| line.split_ascii_whitespace().next());
    let other = || v6.lines().find(|line| has_way_out_v6(line))?.split_ascii_whitespace().next_back();
    first.or_else(other).map(str::to_owned)
}

/// The name in `if_inet6` of an interface's index.
pub(super) fn interface(index: u32, table: &str) -> Option<String> {
    inet6::read(table).into_iter().find(|own| own.index == index).map(|own| own.interface)
}

/// Eight hex digits of a word in the machine's own order.
fn hex_v4(text: &str) -> Option<Ipv4Addr> {
    u32::from_str_radix(text, 16).ok().map(|word| Ipv4Addr::from(word.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn own_addresses_are_those_called_local() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.168.77.0\n        /24 link UNICAST\nLocal:\n\
                    |-- 127.0.0.1\n  /32 host LOCAL\n |-- 192.168.77.2\n    /32 host LOCAL\n |-- 192.168.77.255\n /32 link BROADCAST\n";
        assert_eq!(own_v4(trie), ["192.168.77.2".parse::<IpAddr>().unwrap()]);
        let table = "20010db8007700000000000000000002 02 40 00 80 lan0\nfe800000000000000000000000000001 02 40 20 80 lan0\n\
                     00000000000000000000000000000001 01 80 10 80 lo\n\
                     fd6c6c62ffff00000000000000000001 07 40 00 c0 docker0\n";
        assert_eq!(own_v6(table), ["2001:db8:77::2".parse::<IpAddr>().unwrap()]);
        assert_eq!(links(table), [("lan0".to_owned(), "fe80::1".parse::<Ipv6Addr>().unwrap())]);
    }

    #[test]
    fn routers_are_told_apart_from_neighbours() {
        let table = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
            lan0 00000000 014DA8C0 0003 0 0 0 00000000 0 0 0\nlan0 004DA8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        assert_eq!(routers_v4(table), ["192.168.77.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(uplink(table, "").as_deref(), Some("lan0"));
        let zeros = "0".repeat(32);
        let table = format!(
            "20010db8007700000000000000000000 40 {zeros} 00 {zeros} 00000100 00000001 00000000 00000001 lan0\n\
             {zeros} 00 {zeros} 00 20010db8007700000000000000000001 00000400 00000001 00000000 00000003 lan0\n\
             {zeros} 00 {zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 lan0\n"
        );
        assert_eq!(routers_v6(&table), ["2001:db8:77::1".parse::<IpAddr>().unwrap()]);
        assert_eq!(uplink("", &table).as_deref(), Some("lan0"));
        assert_eq!(uplink("", table.lines().next().unwrap()), None, "a connected network is no way out");
        assert!(has_way_out_v6(table.lines().last().unwrap()), "a link-local router is one too");
        assert!(!has_way_out_v6(table.lines().next().unwrap()));
    }

    #[test]
    fn a_neighbour_that_never_answered_is_none() {
        let table = "IP address HW type Flags HW address Mask Device\n192.168.77.10 0x1 0x2 02:00:00:00:00:01 * lan0\n\
                     192.168.77.99 0x1 0x0 00:00:00:00:00:00 * lan0\n";
        assert_eq!(alive_v4(table), ["192.168.77.10".parse::<IpAddr>().unwrap()]);
    }

    proptest! {
        #[test]
        fn no_table_makes_them_panic(text in "\\PC{0,300}") {
            let _ = (own_v4(&text), own_v6(&text), routers_v4(&text), routers_v6(&text), alive_v4(&text), links(&text));
            let _ = (uplink(&text, &text), interface(1, &text));
        }
    }
}
