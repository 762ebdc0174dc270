//! The IPv4 addresses that a network namespace answers at: the table `fib_trie` of `/proc/PID/net`. Pure: what was read
//! is handed in. The kernel's list over netlink has no local routes, at which a host answers too.

use std::net::Ipv4Addr;

/// Each leaf that is `/32 host LOCAL`, those of the loopback network among them. One that stands in two tables comes
/// twice.
#[must_use]
pub fn local(table: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(leaf);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_leaf_of_the_host_is_its_address() {
        let table = "Local:\n  +-- 127.0.0.0/8 2 0 2\n     |-- 127.0.0.0\n        /8 host LOCAL\n     |-- 127.0.0.1\n        \
                     /32 host LOCAL\n  |-- 192.168.77.0\n     /24 link UNICAST\n  |-- 192.168.77.2\n     /32 host LOCAL\n";
        assert_eq!(local(table), [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 168, 77, 2)]);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "\\PC{0,300}") {
            let _ = local(&table);
        }
    }
}
