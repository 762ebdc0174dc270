//! What every plan has, whatever the policy says: the table, its hooks, and the sets that the kernel fills itself.
//! Those are denied flows, and pairs that were judged.
//!
//! Each network has sets of denied flows of its own, and each sender a budget of new flows in them. Whoever tries a
//! million destinations fills no memory. What is kept of another network, or of its neighbours, stays as it is. The
//! pairs of all networks are in one set.

use policy::NetworkName;

use crate::rules::address_set::Family;

/// The table, and it is ours alone.
pub(crate) const TABLE: &str = "netguard";
/// A table that stands for moments only, and its one chain: it holds the bridges while their rules change.
pub(crate) const PAUSE: &str = "netguard-pause";
/// nft's family of the table: IPv4 and IPv6 in one.
pub(crate) const FAMILY: &str = "inet";
/// The chain where a new connection comes in, before anybody gives it another destination. nft asks it in its `nat`
/// hook, once a connection, which costs later packets nothing; iptables, which may drop nothing there, asks every
/// packet.
pub(crate) const PREROUTING: &str = "prerouting";
/// The chain that every packet goes through that does not end here, on its way to where it really goes.
pub(crate) const FORWARD: &str = "forward";
/// The chain that lets answers into a bridge, and nothing else.
pub(crate) const INWARD: &str = "inward";
/// The chain where everything to the host itself comes in.
pub(crate) const INPUT: &str = "input";
/// The interface over which the host reaches its own addresses.
pub(crate) const LOOPBACK: &str = "lo";
/// How the chains begin that judge where members' packets go; the network's name follows.
pub(crate) const NET: &str = "net-";
/// How the chains begin that judge what members have for the host itself.
pub(crate) const HOST: &str = "host-";
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
/// How many new flows a minute a sender may add once [`BURST`] is used up.
pub(crate) const A_MINUTE: u32 = 30;
/// How many senders have a budget at the same time. Those beyond it, on a network of 254 addresses, forge
/// their hardware address; their flows are recorded as long as the set has room.
pub(crate) const SENDERS: u64 = 1024;
/// How long a pair that was judged need not be judged again, in seconds.
pub(crate) const PAIR_LIFETIME: u64 = 10;
/// How many such pairs each set holds, for all networks together. Where it is full, packets of further pairs meet
/// every rule: slower, and judged alike.
pub(crate) const PAIRS: u64 = 16_384;
/// The protocols that have ports, in nft's names.
pub(crate) const PORTED: [&str; 5] = ["tcp", "udp", "dccp", "sctp", "udplite"];
/// IANA's numbers of these. nft prints them where the machine has no `/etc/protocols`.
const NUMBERS: [u64; 5] = [6, 17, 33, 132, 136];
/// What the host takes in itself, in the words of nft's `fib`: its addresses, and groups it may be in.
pub(crate) const OWN: [&str; 4] = ["local", "broadcast", "anycast", "multicast"];

/// An address of one machine, which is not this one, in the same words.
pub(crate) const UNICAST: &str = "unicast";
/// How many refused packets a second of one kind a network's members are answered at most. More is silence: a flood of
/// theirs costs the host no flood of answers.
pub(crate) const ANSWERS: u32 = 100;

/// nft's name of a protocol that has ports.
pub(crate) fn ported(number: u64) -> Option<&'static str> {
    PORTED.into_iter().zip(NUMBERS).find_map(|(name, its)| (its == number).then_some(name))
}

/// A chain that the kernel calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The chain's name, which is also that of iptables' hook.
    pub(crate) name: &'static str,
    /// nft's type of the chain: `filter` is asked about every packet, `nat` about the first of a connection.
    pub(crate) kind: &'static str,
    /// nft's name of the hook.
    pub(crate) hook: &'static str,
    /// Of a chain of type nat: -199, after connection tracking (-200) and before any other NAT, which ends the
    /// evaluation. Of a filter: 0.
    pub(crate) priority: i32,
}

/// The chains that the kernel calls, and when.
pub(crate) const HOOKS: [Hook; 3] = [
    Hook { name: PREROUTING, kind: "nat", hook: "prerouting", priority: -199 },
    Hook { name: FORWARD, kind: "filter", hook: "forward", priority: 0 },
    Hook { name: INPUT, kind: "filter", hook: "input", priority: 0 },
];

/// A set in which the kernel counts denied flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlowSet {
    /// The network whose members' flows it holds.
    pub(crate) network: String,
    /// The family of its addresses.
    pub(crate) family: Family,
    /// With the destination's port, or for protocols that have none.
    pub(crate) ported: bool,
}

impl FlowSet {
    /// What the four of a network hold: with ports or not, and of which family.
    pub(crate) const KINDS: [(bool, Family); 4] =
        [(true, Family::V4), (true, Family::V6), (false, Family::V4), (false, Family::V6)];

    /// The four of a network.
    pub(crate) fn of(network: &str) -> impl Iterator<Item = Self> {
        Self::KINDS.into_iter().map(move |(ported, family)| Self { network: network.to_owned(), family, ported })
    }

    /// `flows4`, `flows6` with ports, `other4`, `other6` without.
    pub(crate) fn kind(ported: bool, family: Family) -> String {
        format!("{}{}", if ported { "flows" } else { "other" }, family.digit())
    }

    /// Its kind, as a word.
    pub(crate) fn word(&self) -> String {
        Self::kind(self.ported, self.family)
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
/// A sender is a hardware address: a member without capabilities may take any of the network's IPv6 addresses
/// (`IPV6_FREEBIND` asks for none). It cannot write a frame's header itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget(String);

impl Budget {
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

/// The set of what all rules of an open network let through a moment ago: interface, source and destination.
///
/// Asking every rule for every packet halves the rate of small ones. What the rules say of a packet depends on these
/// three and on little else. That little is asked again each time (`MoatCondition::Bare`). Only what reached the last
/// rule of an open network is remembered, for [`PAIR_LIFETIME`] seconds. Every load of rules or ranges empties the set
/// in the same transaction. What the host takes in itself is no pair's concern.
///
/// The set is the first thing that a packet is held against where it is forwarded. So one serves all networks. The
/// interface is its number and not its name. A bridge that is made again has another, and a number is a quarter of the
/// bytes. The addresses of IPv4 are what stands where a header of IPv4 has them. nft asks what a packet is each time
/// that a field is called by its name. So whoever asks or fills this set asks first whether it is such a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// The family of its addresses.
    pub(crate) family: Family,
}

impl Pairs {
    /// Those of both families.
    pub(crate) const BOTH: [Self; 2] = [Self { family: Family::V4 }, Self { family: Family::V6 }];

    /// The set's name in the kernel: `judged4` or `judged6`.
    pub(crate) fn name(&self) -> String {
        format!("judged{}", self.family.digit())
    }

    /// The set of this name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|set| set.name() == name)
    }

    /// The version of IP that a rule must match before it reads or updates this set.
    pub(crate) fn version(&self) -> u8 {
        match self.family {
            Family::V4 => 4,
            Family::V6 => 6,
        }
    }

    /// nft's type of its key, part by part, as a listing has it.
    pub(crate) fn key_type(&self) -> Vec<&'static str> {
        match self.family {
            Family::V4 => vec!["iface_index", "integer", "integer"],
            Family::V6 => vec!["iface_index", "ipv6_addr", "ipv6_addr"],
        }
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
        assert_eq!((ported(17), ported(132), ported(1)), (Some("udp"), Some("sctp"), None));
        assert_eq!(Budget::named("budget-my-cell"), Some(Budget::of("my-cell")));
        for odd in ["flows4", "flows5-cell", "flows4-", "flows4-Cell", "flows4-a b", "budget-cell"] {
            assert_eq!(FlowSet::named(odd), None, "{odd}");
        }
        for set in Pairs::BOTH {
            assert_eq!(Pairs::named(&set.name()), Some(set));
        }
        assert_eq!(Budget::named("flows4-cell"), None);
        assert_eq!(Pairs::named("flows4-cell").or(Pairs::named("judged4-cell")), None);
    }
}
