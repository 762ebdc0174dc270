//! What iptables-restore and ip6tables-restore are given: one transaction for each family, which touches
//! no chain but ours and the one rule that calls it.

use std::fmt::Write as _;

use anyhow::Result;

use super::rulespec;
use super::saved::{Saved, SavedRule, TABLE};
use crate::rules::address_set::Family;
use crate::rules::plan::Plan;
use crate::rules::table::HOOKS;

/// The comment of the rules that call ours.
pub(crate) const CALLER: &str = "netguard";

/// The kernel's own chain that calls one of ours.
pub(crate) fn caller(hook: &str) -> String {
    hook.to_ascii_uppercase()
}

/// From what is there now to the plan.
///
/// # Errors
/// If iptables has no words for a rule of it.
pub(crate) fn apply(plan: &Plan, family: Family, present: &Saved) -> Result<String> {
    let mut text = format!("*{TABLE}\n");
    let mut planned = Vec::new();
    for chain in plan.chains() {
        planned.push(rulespec::chain(chain)?);
    }
    let stale: Vec<&str> =
        present.own().map(|(name, _)| name).filter(|name| !planned.iter().any(|c| c == name)).collect();
    // Naming a chain makes it, or empties it.
    for chain in planned.iter().map(String::as_str).chain(stale.iter().copied()) {
        let _ = writeln!(text, ":{chain} - [0:0]");
    }
    for (chain, _, rule) in present.calls() {
        let _ = writeln!(text, "-D {chain} {}", rule.raw);
    }
    for hook in HOOKS {
        // First, so that no rule of another program can let a packet by before it is judged.
        let call = rulespec::chain(hook.name)?;
        let _ = writeln!(text, "-I {} 1 -m comment --comment {CALLER} -j {call}", caller(hook.name));
    }
    for rule in &plan.rules {
        let chain = rulespec::chain(&rule.chain)?;
        for (when, then) in rulespec::rules(rule, family)? {
            let when = if when.is_empty() { when } else { format!("{when} ") };
            let _ = writeln!(text, "-A {chain} {when}-m comment --comment \"{}\" {then}", rule.id);
        }
    }
    for chain in stale {
        let _ = writeln!(text, "-X {chain}");
    }
    text.push_str("COMMIT\n");
    Ok(text)
}

/// From what is there now to nothing of ours; `None` where nothing is.
pub(crate) fn remove(present: &Saved) -> Option<String> {
    let chains: Vec<&str> = present.own().map(|(name, _)| name).collect();
    if chains.is_empty() {
        return None;
    }
    let mut text = format!("*{TABLE}\n");
    for chain in &chains {
        let _ = writeln!(text, ":{chain} - [0:0]");
    }
    for (chain, _, SavedRule { raw, .. }) in present.calls() {
        let _ = writeln!(text, "-D {chain} {raw}");
    }
    for chain in &chains {
        let _ = writeln!(text, "-X {chain}");
    }
    text.push_str("COMMIT\n");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;

    const PRESENT: &str = "*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:netguard-prerouting - [0:0]
:netguard-net-old - [0:0]
:other - [0:0]
-A PREROUTING -j other
-A PREROUTING -m comment --comment netguard -j netguard-prerouting
-A FORWARD -j netguard-net-old
COMMIT
";

    #[test]
    fn a_restore_makes_our_chains_anew_calls_them_first_and_touches_no_other() {
        let present = Saved::parse(PRESENT).unwrap();
        for family in Family::BOTH {
            let text = apply(&crate::backend::iptables::adapted(&plan()), family, &present).unwrap();
            for line in [
                ":netguard-net-cell - [0:0]",
                "-D PREROUTING -m comment --comment netguard -j netguard-prerouting",
                "-D FORWARD -j netguard-net-old",
                "-I PREROUTING 1 -m comment --comment netguard -j netguard-prerouting",
                "-I FORWARD 1 -m comment --comment netguard -j netguard-forward",
                "-X netguard-net-old",
            ] {
                assert_eq!(text.lines().filter(|have| *have == line).count(), 1, "{line}");
            }
            assert!(!text.contains("other - ") && !text.contains(" -j other"), "{text}");
            assert!(text.starts_with("*mangle\n") && text.ends_with("COMMIT\n"));
        }
    }

    #[test]
    fn a_removal_leaves_no_chain_of_ours_and_no_call_of_one() {
        let text = remove(&Saved::parse(PRESENT).unwrap()).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("-D ")).count(), 2);
        assert_eq!(text.lines().filter(|line| line.starts_with("-X netguard-")).count(), 2);
        assert!(!text.contains("-X other"));
        assert_eq!(remove(&Saved::default()), None);
    }
}
