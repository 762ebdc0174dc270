//! What each sender may still add to the sets of denied flows, in the words of ipset.
//!
//! ipset has no bucket that fills again with time. It has counters: a sender stands in a set for an hour from its first
//! new flow. Each further one adds to its element's counter. From some count on nothing more of it is recorded. A
//! sender is a hardware address where the kernel has the type for it. Some kernels are built without; there it is the
//! packet's source, of which a member may take others over IPv6.

use std::collections::BTreeMap;

use super::rulespec;
use super::sets::{Header, family_word};
use crate::backend::ruleset::Set;
use crate::rules::address_set::Family;
use crate::rules::plan::Plan;
use crate::rules::table::{A_MINUTE, BURST, Budget, REMEMBERED, SENDER, SENDERS};

/// How many new flows a sender may add in an hour. Its hour and the hour for which flows are remembered do not begin
/// together. So twice as many can be held at a time: what the other backend holds at most.
pub(crate) const AN_HOUR: u32 = (BURST + 60 * A_MINUTE) / 2;

/// By what the kernel tells senders apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// By its hardware address (ipset's `hash:mac`).
    Hardware,
    /// By the packet's source address (ipset's `hash:ip`).
    Address,
}

impl Sender {
    /// ipset's type of a set of them.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Hardware => "hash:mac",
            Self::Address => "hash:ip",
        }
    }

    /// What such a set is made with.
    pub(super) fn shape(self, family: Family) -> String {
        let of = match self {
            Self::Hardware => String::new(),
            Self::Address => format!(" family {}", family_word(family)),
        };
        format!("{}{of} maxelem {SENDERS} timeout {REMEMBERED} counters", self.kind())
    }
}

/// The name of a budget's set of one family, without the prefix.
pub(super) fn name(budget: &Budget, family: Family) -> String {
    let both = budget.name();
    let network = both.strip_prefix("budget-").unwrap_or(&both);
    format!("budget{}-{network}", family.digit())
}

/// The names of all budgets' sets, without the prefix.
pub(super) fn names(plan: &Plan) -> impl Iterator<Item = (Family, String)> {
    plan.budgets().into_iter().flat_map(|budget| Family::BOTH.map(|family| (family, name(&budget, family))))
}

/// What the budgets that are there tell senders by, if any is: ipset swaps no set for one of another type.
pub(super) fn present(plan: &Plan, headers: &BTreeMap<String, Header>) -> Option<Sender> {
    let found: Vec<&Header> = names(plan).filter_map(|(_, name)| headers.get(&name)).collect();
    [Sender::Hardware, Sender::Address]
        .into_iter()
        .find(|sender| found.iter().any(|header| header.kind == sender.kind()))
}

/// Whether what is there can count senders of a family.
pub(super) fn fits(header: &Header, family: Family) -> bool {
    let kind = header.kind == Sender::Hardware.kind() || header.is(Sender::Address.kind(), family);
    kind && header.counts() && header.number("timeout") == Some(REMEMBERED) && header.number("maxelem") == Some(SENDERS)
}

/// Where the two sets of each budget are as they should be, tells them as the other backend's one; else as they are.
pub(super) fn paired(headers: &BTreeMap<String, Header>, sets: &mut BTreeMap<String, Set>) {
    for network in headers.keys().filter_map(|name| name.strip_prefix("budget4-")) {
        let budget = Budget::of(network);
        let good = |family| headers.get(&name(&budget, family)).is_some_and(|header| fits(header, family));
        if Family::BOTH.into_iter().all(good) {
            Family::BOTH.into_iter().for_each(|family| drop(sets.remove(&name(&budget, family))));
            let (flags, size, timeout) = (vec!["timeout".to_owned()], Some(SENDERS), Some(REMEMBERED));
            let set = Set { key: vec![SENDER.to_owned()], flags, size, timeout, elements: Vec::new() };
            sets.insert(budget.name(), set);
        }
    }
}

/// The sender has spent what it may; asked, and counted by being asked.
pub(super) fn spent(budget: &Budget, family: Family) -> String {
    format!("-m set --match-set {} src --packets-gt {AN_HOUR}", rulespec::set(&name(budget, family)))
}

/// The sender has added nothing yet; asked without counting.
pub(super) fn untouched(budget: &Budget, family: Family) -> String {
    format!("-m set ! --match-set {} src ! --update-counters", rulespec::set(&name(budget, family)))
}

/// Takes the sender in, with a count of one.
pub(super) fn opened(budget: &Budget, family: Family) -> String {
    format!("-j SET --add-set {} src", rulespec::set(&name(budget, family)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::iptables::sets::headers;
    use crate::rules::table::FLOWS;

    fn listed(kind: &str, words: &str) -> Header {
        let text = format!("Name: netguard-budget4-cell\nType: {kind}\nHeader: {words}\n");
        headers(&text).unwrap().remove("budget4-cell").unwrap()
    }

    #[test]
    fn two_senders_that_flood_leave_room_in_the_set_of_flows_for_a_third() {
        assert!(u64::from(AN_HOUR) * 2 * 2 + u64::from(AN_HOUR) < FLOWS);
    }

    #[test]
    fn senders_are_counted_by_either_type_but_in_their_own_family_and_only_where_there_are_counters() {
        let made = "hashsize 1024 maxelem 1024 timeout 3600 counters bucketsize 12 initval 0x1";
        assert!(fits(&listed("hash:mac", made), Family::V4) && fits(&listed("hash:mac", made), Family::V6));
        let addresses = listed("hash:ip", &format!("family inet {made}"));
        assert!(fits(&addresses, Family::V4) && !fits(&addresses, Family::V6));
        assert!(!fits(&listed("hash:mac", &made.replace(" counters", "")), Family::V4));
        assert!(!fits(&listed("hash:mac", &made.replace("3600", "36000")), Family::V4));
        assert!(!fits(&listed("hash:net", &format!("family inet {made}")), Family::V4));
    }

    #[test]
    fn senders_are_told_as_in_the_sets_that_are_there() {
        let plan = crate::rules::plan::tests::plan();
        let there = |kind| BTreeMap::from([("budget6-monitor".to_owned(), listed(kind, "maxelem 7"))]);
        assert_eq!(present(&plan, &there("hash:mac")), Some(Sender::Hardware));
        assert_eq!(present(&plan, &there("hash:ip")), Some(Sender::Address));
        assert_eq!(present(&plan, &there("hash:net")).or(present(&plan, &BTreeMap::new())), None);
    }

    #[test]
    fn a_budget_is_there_when_both_of_its_sets_are() {
        let good = |family| {
            let words = Sender::Address.shape(family);
            headers(&format!("Name: netguard-{}\nType: hash:ip\nHeader: {words}\n", name(&Budget::of("cell"), family)))
                .unwrap()
        };
        let told = |headers: &BTreeMap<String, Header>| {
            let mut sets = headers.iter().map(|(name, header)| (name.clone(), header.set(name, Vec::new()))).collect();
            paired(headers, &mut sets);
            sets.into_keys().collect::<Vec<_>>()
        };
        let mut both = good(Family::V4);
        assert_eq!(told(&both), ["budget4-cell"]);
        both.extend(good(Family::V6));
        assert_eq!(told(&both), ["budget-cell"]);
    }
}
