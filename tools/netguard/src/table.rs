//! What every plan has, whatever the policy says: the table, its hooks, and the sets that the kernel fills
//! itself: denied flows, and pairs that were judged.
//!
//! Each network has such sets of its own, and each sender a budget of new flows in them: whoever tries a
//! million destinations fills neither memory, nor what is kept of another network, nor what is kept of
//! its neighbours.

use policy::NetworkName;

use crate::group::Family;

/// The table, and it is ours alone.
pub(crate) const TABLE: &str = "netguard";
/// nft's family of the table: IPv4 and IPv6 in one.
pub(crate) const FAMILY: &str = "inet";
/// The chain where everything from a guarded bridge comes in.
pub(crate) const PREROUTING: &str = "prerouting";
/// The chain where everything from outside to a guarded bridge goes through.
pub(crate) const FORWARD: &str = "forward";
/// The chain that lets answers into a bridge, and nothing else.
pub(crate) const INWARD: &str = "inward";
/// The chain where everything to the host itself comes in.
pub(crate) const INPUT: &str = "input";
/// The chain of what was given another destination on its way.
pub(crate) const REDIRECTED: &str = "redirected";
/// How the chains that record and drop begin; the network's name follows.
pub(crate) const REFUSE: &str = "refuse-";
/// How long a denied flow is remembered after its first packet, in seconds. Not after its last: else what
/// is refreshed could be kept for ever, and no budget would bound what a sender holds.
pub(crate) const REMEMBERED: u64 = 3600;
/// How many denied flows each set holds; some 250 bytes each. What comes when it is full is dropped all
/// the same, unrecorded but counted.
pub(crate) const FLOWS: u64 = 16_384;
/// How many new flows a sender may add at once, and how many a minute after that. Within the hour that a
/// flow is remembered that is 5896 at most: two floods on one network leave room for a third sender.
pub(crate) const BURST: u32 = 4096;
/// See [`BURST`].
pub(crate) const A_MINUTE: u32 = 30;
/// How many senders have a budget at the same time. Those beyond it, on a network of 254 addresses, forge
/// their hardware address; their flows are recorded as long as the set has room.
pub(crate) const SENDERS: u64 = 1024;
/// How long a pair that was judged need not be judged again, in seconds.
pub(crate) const JUDGED: u64 = 10;
/// How many such pairs each set holds. Where it is full, packets of further pairs meet every rule: slower,
/// and judged alike.
pub(crate) const PAIRS: u64 = 4096;
/// The protocols that have ports, in nft's names.
pub(crate) const PORTED: [&str; 5] = ["tcp", "udp", "dccp", "sctp", "udplite"];
/// What the host takes in itself, in the words of nft's `fib`: its addresses, and groups it may be in.
pub(crate) const OWN: [&str; 4] = ["local", "broadcast", "anycast", "multicast"];

/// A chain that the kernel calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The chain's name, which is also the hook's.
    pub(crate) name: &'static str,
    /// After connection tracking (-200) and before destination NAT (-100), or where filters stand (0).
    pub(crate) priority: i32,
}

/// The chains that the kernel calls, and when.
pub(crate) const HOOKS: [Hook; 3] =
    [Hook { name: PREROUTING, priority: -150 }, Hook { name: FORWARD, priority: 0 }, Hook { name: INPUT, priority: 0 }];

/// A set in which the kernel counts denied flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlowSet {
    /// Of which network's members.
    pub(crate) network: String,
    /// Of which family.
    pub(crate) family: Family,
    /// With the destination's port, or for protocols that have none.
    pub(crate) ported: bool,
}

impl FlowSet {
    /// The four of a network.
    pub(crate) fn of(network: &str) -> impl Iterator<Item = Self> {
        [(true, Family::V4), (true, Family::V6), (false, Family::V4), (false, Family::V6)]
            .into_iter()
            .map(move |(ported, family)| Self { network: network.to_owned(), family, ported })
    }

    /// `flows4`, `flows6` with ports, `other4`, `other6` without.
    pub(crate) fn word(&self) -> String {
        format!("{}{}", if self.ported { "flows" } else { "other" }, self.family.digit())
    }

    /// The word and the network: `flows4-cell`.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.word(), self.network)
    }

    /// The set of this name, if it is one that a network could have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let network = network_of(name)?;
        Self::of(network).find(|set| set.name() == name)
    }

    /// nft's type of its key, part by part.
    pub(crate) fn key_type(&self) -> Vec<&'static str> {
        let address = self.family.address_type();
        let mut key = vec!["ifname", address, address, "inet_proto"];
        if self.ported {
            key.push("inet_service");
        }
        key
    }
}

/// The set that holds what each sender of a network may still add to the network's sets of flows.
///
/// A sender is a hardware address: a member without capabilities may take any of the network's IPv6
/// addresses (`IPV6_FREEBIND` asks for none), but cannot write a frame's header itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget(String);

impl Budget {
    /// The one of a network.
    pub(crate) fn of(network: &str) -> Self {
        Self(network.to_owned())
    }

    /// `budget-` and the network.
    pub(crate) fn name(&self) -> String {
        format!("budget-{}", self.0)
    }

    /// The set of this name, if it is one that a network could have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let budget = Self::of(network_of(name)?);
        (budget.name() == name).then_some(budget)
    }
}

/// The set of pairs, source and destination, that all rules of a network let through a moment ago.
///
/// Asking every rule for every packet halves the rate of small ones. What the rules say of a packet depends
/// on its two addresses and on little else, and that little is asked again each time (`MoatCondition::Bare`).
/// Only what reached the last rule of an open network is remembered, for [`JUDGED`] seconds; every load of
/// rules or ranges empties the set in the same transaction; and a pair whose destination has become the
/// host's own meanwhile is refused where the host takes it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Of which network's members.
    pub(crate) network: String,
    /// Of which family.
    pub(crate) family: Family,
}

impl Pairs {
    /// The two of a network.
    pub(crate) fn of(network: &str) -> impl Iterator<Item = Self> {
        Family::BOTH.into_iter().map(move |family| Self { network: network.to_owned(), family })
    }

    /// `judged4-` or `judged6-`, and the network.
    pub(crate) fn name(&self) -> String {
        format!("judged{}-{}", self.family.digit(), self.network)
    }

    /// The set of this name, if it is one that a network could have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::of(network_of(name)?).find(|set| set.name() == name)
    }

    /// nft's type of its key, part by part.
    pub(crate) fn key_type(&self) -> Vec<&'static str> {
        vec![self.family.address_type(); 2]
    }
}

/// nft's type of a budget's key.
pub(crate) const SENDER: &str = "ether_addr";

/// The network that a set is named after.
fn network_of(set: &str) -> Option<&str> {
    let (_, network) = set.split_once('-')?;
    network.parse::<NetworkName>().ok().map(|_| network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_a_network_is_found_by_its_name_and_nothing_else_is() {
        for set in FlowSet::of("my-cell") {
            assert_eq!(FlowSet::named(&set.name()), Some(set));
        }
        assert_eq!(Budget::named("budget-my-cell"), Some(Budget::of("my-cell")));
        for odd in ["flows4", "flows5-cell", "flows4-", "flows4-Cell", "flows4-a b", "budget-cell"] {
            assert_eq!(FlowSet::named(odd), None, "{odd}");
        }
        for set in Pairs::of("my-cell") {
            assert_eq!(Pairs::named(&set.name()), Some(set));
        }
        assert_eq!(Budget::named("flows4-cell"), None);
        assert_eq!(Pairs::named("flows4-cell").or(Pairs::named("judged4-Cell")), None);
    }
}
