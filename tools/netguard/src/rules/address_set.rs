//! The groups of denied destinations, and the sets that hold them in the kernel.
//!
//! One set for each group and family, so that the rule that stopped a packet also says why.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why a destination is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    /// The special-purpose registries.
    Special,
    /// Networks that this machine is on.
    OnLink,
    /// What the policy lists: ranges and files of ranges.
    Listed,
    /// The guarded networks: denied to members of the others, whatever the policy lists.
    Guarded,
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub(crate) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of a range.
    pub(crate) fn of(net: &IpNet) -> Self {
        match net {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    /// Every address of the family.
    pub(crate) fn everything(self) -> IpNet {
        match self {
            Self::V4 => IpNet::V4(Ipv4Net::default()),
            Self::V6 => IpNet::V6(Ipv6Net::default()),
        }
    }

    /// The last character of a name that is of one family.
    pub(crate) fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }

    /// nft's name of the header: `ip` or `ip6`.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        }
    }

    /// nft's type of an address.
    pub(crate) fn address_type(self) -> &'static str {
        match self {
            Self::V4 => "ipv4_addr",
            Self::V6 => "ipv6_addr",
        }
    }
}

impl Group {
    /// In the order in which the rules ask them.
    pub(crate) const ALL: [Self; 4] = [Self::Special, Self::OnLink, Self::Listed, Self::Guarded];

    /// The word that rules and sets of this group carry.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Special => "special",
            Self::OnLink => "onlink",
            Self::Listed => "listed",
            Self::Guarded => "guarded",
        }
    }

    /// Whose addresses they are, for a person.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Special => "a special-purpose address, which is no part of the internet",
            Self::OnLink => "an address of a network that this machine is on",
            Self::Listed => "an address that the policy's deny list names",
            Self::Guarded => "an address of a guarded network",
        }
    }
}

/// The name of a set of addresses: a group and a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SetName(pub(crate) Group, pub(crate) Family);

impl SetName {
    /// Each group in both families.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Group::ALL.into_iter().flat_map(|group| Family::BOTH.into_iter().map(move |family| Self(group, family)))
    }

    /// The set of this name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().find(|set| set.to_string() == name)
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.word(), self.1.digit())
    }
}

/// Whether an address lies in one of these ranges, which must be sorted and disjoint, as
/// `IpNet::aggregate` leaves them. Takes the logarithm of their number.
pub(crate) fn holds(ranges: &[IpNet], address: IpAddr) -> bool {
    let after = ranges.partition_point(|range| range.network() <= address);
    after.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|range| range.contains(&address))
}

/// The same addresses as the fewest ranges, sorted, none within another.
pub(crate) fn merged(ranges: &[IpNet]) -> Vec<IpNet> {
    let mut merged = IpNet::aggregate(&ranges.to_vec());
    merged.sort_unstable();
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_set_is_found_by_its_name_and_nothing_else_is() {
        for set in SetName::all() {
            assert_eq!(SetName::named(&set.to_string()), Some(set));
        }
        assert_eq!(SetName::all().count(), 8);
        assert_eq!(Family::BOTH.map(|family| family.everything().to_string()), ["0.0.0.0/0", "::/0"]);
        assert_eq!(SetName::named("special5"), None);
        assert_eq!(SetName::named("special4 }"), None);
    }

    proptest! {
        #[test]
        fn a_search_in_merged_ranges_agrees_with_looking_at_each(
            nets in proptest::collection::vec((any::<u32>(), 4u8..=32), 0..60), address in any::<u32>(), near in any::<prop::sample::Index>()
        ) {
            let nets: Vec<IpNet> = nets.into_iter()
                .map(|(bits, len)| IpNet::new(std::net::Ipv4Addr::from(bits).into(), len).unwrap().trunc()).collect();
            let merged = merged(&nets);
            let mut asked = vec![IpAddr::from(std::net::Ipv4Addr::from(address))];
            if !nets.is_empty() {
                let net = near.get(&nets);
                asked.extend([net.network(), net.broadcast()]);
            }
            for address in asked {
                prop_assert_eq!(holds(&merged, address), nets.iter().any(|net| net.contains(&address)), "{}", address);
            }
        }
    }
}
