//! The special-purpose address blocks: what is not the internet, on any network.
//!
//! The tables are the IANA IPv4 and IPv6 Special-Purpose Address Registries. Multicast, which has registries of its
//! own, and what lies outside IPv6 global unicast come on top. Blocks that the registries mark as globally reachable
//! are denied all the same. They are anycast addresses that the nearest router answers: PCP opens ports on it, AMT and
//! 6to4 tunnel through it. Or they carry an IPv4 address inside (NAT64), behind which the LAN would be reachable again.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A block of one of IANA's special-purpose registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialPurpose {
    /// The block's addresses.
    pub net: IpNet,
    /// The purpose that the registry gives.
    pub name: &'static str,
    /// The document that says so.
    pub source: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8, name: &'static str, source: &'static str) -> SpecialPurpose {
    let net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(a, b, c, d), prefix);
    SpecialPurpose { net: IpNet::V4(net), name, source }
}

const fn v6(s: [u16; 8], prefix: u8, name: &'static str, source: &'static str) -> SpecialPurpose {
    let [a, b, c, d, e, f, g, h] = s;
    let net = Ipv6Net::new_assert(std::net::Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix);
    SpecialPurpose { net: IpNet::V6(net), name, source }
}

const V4: [SpecialPurpose; 21] = [
    v4(0, 0, 0, 0, 8, "this network", "RFC 791"),
    v4(10, 0, 0, 0, 8, "private use", "RFC 1918"),
    v4(100, 64, 0, 0, 10, "shared address space (carrier NAT, tailnet)", "RFC 6598"),
    v4(127, 0, 0, 0, 8, "loopback", "RFC 1122"),
    v4(169, 254, 0, 0, 16, "link-local", "RFC 3927"),
    v4(169, 254, 169, 254, 32, "link-local (cloud metadata)", "RFC 3927"),
    v4(172, 16, 0, 0, 12, "private use", "RFC 1918"),
    v4(192, 0, 0, 0, 24, "IETF protocol assignments (PCP and TURN anycast)", "RFC 6890"),
    v4(192, 0, 2, 0, 24, "documentation", "RFC 5737"),
    v4(192, 31, 196, 0, 24, "AS112", "RFC 7535"),
    v4(192, 52, 193, 0, 24, "automatic multicast tunnelling", "RFC 7450"),
    v4(192, 88, 99, 0, 24, "6to4 relay anycast, deprecated", "RFC 7526"),
    v4(192, 168, 0, 0, 16, "private use", "RFC 1918"),
    v4(192, 175, 48, 0, 24, "AS112, direct delegation", "RFC 7534"),
    v4(198, 18, 0, 0, 15, "benchmarking", "RFC 2544"),
    v4(198, 51, 100, 0, 24, "documentation", "RFC 5737"),
    v4(203, 0, 113, 0, 24, "documentation", "RFC 5737"),
    v4(224, 0, 0, 0, 4, "multicast", "RFC 5771"),
    v4(224, 0, 0, 0, 24, "multicast, local network", "RFC 5771"),
    v4(240, 0, 0, 0, 4, "reserved", "RFC 1112"),
    v4(255, 255, 255, 255, 32, "limited broadcast", "RFC 919"),
];

const V6: [SpecialPurpose; 33] = [
    v6([0, 0, 0, 0, 0, 0, 0, 0], 3, "outside global unicast", "RFC 4291"),
    v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2, "outside global unicast", "RFC 4291"),
    v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1, "outside global unicast", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible, deprecated", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "IPv4-mapped", "RFC 4291"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64", "RFC 6052"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "NAT64, local use", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard only", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix", "RFC 9780"),
    v6([0x200, 0, 0, 0, 0, 0, 0, 0], 7, "NSAP, deprecated (overlay networks)", "RFC 4048"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments", "RFC 2928"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo", "RFC 4380"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, "PCP anycast", "RFC 7723"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN anycast", "RFC 8155"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, "DNS-SD registration anycast", "RFC 9665"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking", "RFC 5180"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "automatic multicast tunnelling", "RFC 7450"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7535"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID, deprecated", "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", "RFC 7343"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "drone remote identification", "RFC 9374"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112, direct delegation", "RFC 7534"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local", "RFC 4193"),
    v6([0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0], 48, "unique local (tailnet)", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local", "RFC 4291"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local, deprecated", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", "RFC 4291"),
];

/// Every block, IPv4 first. Some lie within each other; for the
/// few that cover them all, see [`special_purpose_ranges`].
pub fn special_purpose() -> impl Iterator<Item = &'static SpecialPurpose> {
    const TABLES: (&[SpecialPurpose], &[SpecialPurpose]) = (&V4, &V6);
    TABLES.0.iter().chain(TABLES.1)
}

/// The same addresses as the fewest blocks, none within another.
pub fn special_purpose_ranges() -> Vec<IpNet> {
    IpNet::aggregate(&special_purpose().map(|block| block.net).collect())
}

/// The narrowest block that holds an address, if it is no address of the internet.
pub fn special_purpose_of(address: IpAddr) -> Option<&'static SpecialPurpose> {
    special_purpose().filter(|block| block.net.contains(&address)).max_by_key(|block| block.net.prefix_len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(address: &str) -> Option<&'static str> {
        special_purpose_of(address.parse().unwrap()).map(|block| block.name)
    }

    #[test]
    fn the_first_and_last_address_of_every_block_are_special() {
        for block in special_purpose() {
            for address in [block.net.network(), block.net.broadcast()] {
                assert!(special_purpose_of(address).is_some(), "{address} of {}", block.net);
            }
        }
    }

    #[test]
    fn no_block_has_host_bits() {
        for block in special_purpose() {
            assert_eq!(block.net, block.net.trunc(), "{}", block.name);
        }
    }

    #[test]
    fn the_neighbours_of_the_blocks_are_the_internet() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "9.9.9.9",
            "140.82.121.3",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2620:4f:7fff::",
            "2620:4f:8001::",
            "3ffe:ffff::",
            "3fff:1000::",
            "2606:4700:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(name_of(address), None, "{address}");
        }
    }

    #[test]
    fn an_address_is_named_by_its_narrowest_block() {
        for (address, name) in [
            ("169.254.169.254", "link-local (cloud metadata)"),
            ("100.101.102.103", "shared address space (carrier NAT, tailnet)"),
            ("255.255.255.255", "limited broadcast"),
            ("fd7a:115c:a1e0::53", "unique local (tailnet)"),
            ("::ffff:192.168.77.10", "IPv4-mapped"),
            ("64:ff9b::c0a8:4d0a", "NAT64"),
            ("2002:c0a8:4d0a::1", "6to4"),
            ("2001:0:1::1", "Teredo"),
            ("2001:1::1", "PCP anycast"),
            ("fe80::1", "link-local"),
            ("ff02::1", "multicast"),
            ("4000::1", "outside global unicast"),
        ] {
            assert_eq!(name_of(address), Some(name), "{address}");
        }
    }

    #[test]
    fn the_ranges_hold_the_same_addresses_and_none_twice() {
        let ranges = special_purpose_ranges();
        for block in special_purpose() {
            assert!(ranges.iter().any(|range| range.contains(&block.net)), "{}", block.net);
        }
        for (index, range) in ranges.iter().enumerate() {
            assert!(special_purpose_of(range.addr()).is_some(), "{range}");
            assert!(
                ranges.iter().skip(index + 1).all(|other| !range.contains(other) && !other.contains(range)),
                "{range}"
            );
        }
    }
}
