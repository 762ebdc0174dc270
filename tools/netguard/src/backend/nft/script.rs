//! The one transaction that makes the kernel hold the plan: nft's language in, all or nothing.
//!
//! Sets of denied flows outlive it, so that a reload forgets nobody's tries; everything else is made anew.

use std::fmt::Write as _;

use crate::backend::nft::replace::Deletion;
use crate::backend::ruleset::Listing;
use crate::rules::plan::Plan;
use crate::rules::syntax;
use crate::rules::table::{
    Budget, FAMILY, FLOWS, HOOKS, PAIR_LIFETIME, PAIRS, PAUSE, REMEMBERED, SENDER, SENDERS, TABLE,
};

/// The script from what is there now (`None`: no table) to the plan.
pub(crate) fn apply(plan: &Plan, present: Option<&Listing>) -> String {
    let mut script = format!("add table {FAMILY} {TABLE}\n");
    let deletion = Deletion::of(plan, present);
    clear(&deletion, &mut script);
    for set in plan.flow_sets().iter().filter(|set| !deletion.keeps(&set.name())) {
        let _ = writeln!(
            script,
            "add set {FAMILY} {TABLE} {} {{ type {}; flags dynamic,timeout; size {FLOWS}; timeout {REMEMBERED}s; counter; }}",
            set.name(),
            set.key_type().join(" . ")
        );
    }
    for budget in plan.budgets().iter().map(Budget::name).filter(|name| !deletion.keeps(name)) {
        let _ = writeln!(
            script,
            "add set {FAMILY} {TABLE} {budget} {{ type {SENDER}; flags dynamic,timeout; size {SENDERS}; timeout {REMEMBERED}s; }}"
        );
    }
    for pairs in plan.pairs() {
        let _ = writeln!(
            script,
            "add set {FAMILY} {TABLE} {} {{ typeof {}; flags dynamic,timeout; size {PAIRS}; timeout {PAIR_LIFETIME}s; }}",
            pairs.name(),
            syntax::pair(pairs)
        );
    }
    for (name, ranges) in &plan.sets {
        let kind = name.1.address_type();
        // With the set and not after it: nft takes a quarter less time for what it need not look up again.
        let elements =
            if ranges.is_empty() { String::new() } else { format!(" elements = {};", syntax::elements(ranges)) };
        let _ = writeln!(script, "add set {FAMILY} {TABLE} {name} {{ type {kind}; flags interval;{elements} }}");
    }
    chains(plan, &mut script);
    script
}

/// The script that makes the plan where nothing is, with its sets of ranges empty.
pub(crate) fn skeleton(plan: &Plan) -> String {
    let sets = plan.sets.keys().map(|name| (*name, Vec::new())).collect();
    apply(&Plan { rules: plan.rules.clone(), sets }, None)
}

/// The script that gives sets of denied destinations their planned contents. It forgets which pairs were judged by the
/// contents before; it leaves all else.
pub(crate) fn refill(plan: &Plan, names: &[String]) -> String {
    let mut script = String::new();
    for pairs in plan.pairs() {
        let _ = writeln!(script, "flush set {FAMILY} {TABLE} {}", pairs.name());
    }
    for (name, ranges) in plan.sets.iter().filter(|(name, _)| names.contains(&name.to_string())) {
        let _ = writeln!(script, "flush set {FAMILY} {TABLE} {name}");
        if !ranges.is_empty() {
            let _ = writeln!(script, "add element {FAMILY} {TABLE} {name} {}", syntax::elements(ranges));
        }
    }
    script
}

fn chains(plan: &Plan, script: &mut String) {
    for chain in plan.chains() {
        let hook = HOOKS.iter().find(|hook| hook.name == chain).map_or_else(String::new, |hook| {
            format!(" {{ type {} hook {} priority {}; policy accept; }}", hook.kind, hook.hook, hook.priority)
        });
        let _ = writeln!(script, "add chain {FAMILY} {TABLE} {chain}{hook}");
    }
    for rule in &plan.rules {
        let _ = writeln!(script, "add rule {FAMILY} {TABLE} {} {}", rule.chain, syntax::rule(rule));
    }
}

fn clear(deletion: &Deletion, script: &mut String) {
    match deletion {
        Deletion::Nothing => {}
        Deletion::Table => {
            let _ = writeln!(script, "delete table {FAMILY} {TABLE}\nadd table {FAMILY} {TABLE}");
        }
        Deletion::Parts { chains, sets, .. } => {
            let _ = writeln!(script, "flush table {FAMILY} {TABLE}");
            for chain in chains {
                let _ = writeln!(script, "delete chain {FAMILY} {TABLE} {chain}");
            }
            for set in sets {
                let _ = writeln!(script, "delete set {FAMILY} {TABLE} {set}");
            }
        }
    }
}

/// The script that takes the moat away.
pub(crate) fn remove() -> String {
    format!("add table {FAMILY} {PAUSE}\ndelete table {FAMILY} {PAUSE}\ndelete table {FAMILY} {TABLE}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;
    use serde_json::json;

    fn listing(items: &[serde_json::Value]) -> Listing {
        Listing::parse(json!({"nftables": items}).to_string().as_bytes()).unwrap()
    }

    fn table() -> serde_json::Value {
        json!({"table": {"family": "inet", "name": "netguard"}})
    }

    #[test]
    fn every_rule_and_chain_is_added_once_and_nothing_is_deleted_where_nothing_was() {
        let plan = plan();
        let script = apply(&plan, None);
        assert_eq!(script.matches("add rule ").count(), plan.rules.len());
        assert_eq!(script.matches("add chain ").count(), plan.chains().len());
        assert!(!script.contains("delete") && !script.contains("flush"));
    }

    #[test]
    fn sets_of_denied_flows_outlive_a_reload_unless_they_are_of_another_shape() {
        let flows = |size: u64| {
            let key = ["ifname", "ipv4_addr", "ipv4_addr", "inet_proto", "inet_service"];
            json!({"set": {"name": "flows4-cell", "type": key, "flags": ["timeout"], "size": size, "timeout": 3600}})
        };
        let kept = apply(&plan(), Some(&listing(&[table(), flows(FLOWS)])));
        assert!(!kept.contains("set inet netguard flows4-cell "), "{kept}");
        let made_anew = apply(&plan(), Some(&listing(&[table(), flows(16)])));
        assert!(made_anew.contains("delete table") && made_anew.contains("add set inet netguard flows4-cell "));
    }

    #[test]
    fn what_was_judged_by_other_rules_or_ranges_is_forgotten_in_the_same_transaction() {
        let pairs = json!({"set": {"name": "judged4", "type": ["iface_index", "integer", "integer"], "flags": ["timeout"],
            "size": PAIRS, "timeout": PAIR_LIFETIME}});
        let script = apply(&plan(), Some(&listing(&[table(), pairs])));
        assert!(script.contains("delete set inet netguard judged4\n"), "{script}");
        assert!(script.contains("add set inet netguard judged4 "), "{script}");
        let refilled = refill(&plan(), &["onlink4".to_owned()]);
        assert!(refilled.starts_with("flush set inet netguard judged4\nflush set inet netguard judged6\n"));
    }

    #[test]
    fn a_name_in_the_kernel_that_could_be_a_word_of_nft_is_not_repeated() {
        let evil = json!({"chain": {"name": "x; flush ruleset"}});
        let script = apply(&plan(), Some(&listing(&[table(), evil])));
        assert!(!script.contains("flush ruleset"), "{script}");
    }
}
