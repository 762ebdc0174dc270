//! The IPv6 addresses of a network namespace: the table `if_inet6` of proc(5). Pure: what was read is handed in.

use std::net::Ipv6Addr;

/// `IFA_F_DADFAILED` and `IFA_F_TENTATIVE` of the kernel's `if_addr.h`: a bridge without members keeps
/// its addresses so for ever.
const UNUSABLE: u32 = 0x08 | 0x40;

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The address, of an interface of this namespace.
    pub ip: Ipv6Addr,
    /// The interface's number in the namespace.
    pub index: u32,
    /// The interface that has the address.
    pub interface: String,
    /// Does it answer already? One that is still being checked for a duplicate does not (RFC 4862 section 5.4).
    pub usable: bool,
}

/// The lines of the table: 32 hex digits, index, prefix length, scope, flags (all hex), interface.
#[must_use]
pub fn read(table: &str) -> Vec<Own> {
    let addresses = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let flags = u32::from_str_radix(words.get(4)?, 16).ok()?;
        Some(Own {
            ip: address(words.first()?)?,
            index: u32::from_str_radix(words.get(1)?, 16).ok()?,
            interface: (*words.get(5)?).to_owned(),
            usable: flags & UNUSABLE == 0,
        })
    });
    addresses.collect()
}

/// Thirty-two hex digits in the order of the wire.
#[must_use]
pub fn address(digits: &str) -> Option<Ipv6Addr> {
    (digits.len() == 32).then(|| u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_read_with_index_and_interface() {
        let table = "fe800000000000000042acfffe1e0102 0a 40 20 80     eth0\n\
                     fd6c6c62ffff00000000000000000001 07 40 00 c0 docker0\nx\n";
        let found = read(table);
        let first = found.first().unwrap();
        assert_eq!((first.index, first.interface.as_str(), first.usable), (10, "eth0", true));
        assert_eq!(first.ip, "fe80::42:acff:fe1e:102".parse::<Ipv6Addr>().unwrap());
        assert_eq!(found.get(1).map(|own| own.usable), Some(false), "a bridge without members");
        assert_eq!(found.len(), 2);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "\\PC{0,300}") {
            let _ = read(&table);
        }
    }
}
