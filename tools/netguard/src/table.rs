//! What every plan has, whatever the policy says: the table, its two hooks, and the sets that count
//! denied flows.

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
/// The chain that records and drops.
pub(crate) const REFUSE: &str = "refuse";
/// How long a denied flow is remembered after its last packet, in seconds.
pub(crate) const REMEMBERED: u64 = 3600;
/// How many denied flows each set holds; some 200 bytes each. What comes when it is full is dropped all
/// the same, unrecorded but counted.
pub(crate) const FLOWS: u64 = 65_536;
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
pub(crate) const HOOKS: [Hook; 2] = [Hook { name: PREROUTING, priority: -150 }, Hook { name: FORWARD, priority: 0 }];

/// A set in which the kernel counts denied flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowSet {
    /// Of which family.
    pub(crate) family: Family,
    /// With the destination's port, or for protocols that have none.
    pub(crate) ported: bool,
}

impl FlowSet {
    /// All four.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [true, false].into_iter().flat_map(|ported| Family::BOTH.into_iter().map(move |family| Self { family, ported }))
    }

    /// `flows4`, `flows6` with ports, `other4`, `other6` without.
    pub(crate) fn name(self) -> String {
        format!("{}{}", if self.ported { "flows" } else { "other" }, self.family.digit())
    }

    /// The set of this name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().find(|set| set.name() == name)
    }

    /// nft's type of its key, part by part.
    pub(crate) fn key_type(self) -> Vec<&'static str> {
        let address = self.family.address_type();
        let mut key = vec!["ifname", address, address, "inet_proto"];
        if self.ported {
            key.push("inet_service");
        }
        key
    }
}
