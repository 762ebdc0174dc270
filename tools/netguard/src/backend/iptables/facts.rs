//! What both families' tables and the sets hold, told as the other backend's listing is. So one comparison, one report
//! and one reading of flows serve both.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::dialect::SaveWords;
use super::restore::caller;
use super::rulespec::{self, PREFIX};
use super::saved::{Saved, SavedRule};
use crate::backend::ruleset::{Called, Chain, ListedRule, Listing, Set};
use crate::rules::address_set::Family;
use crate::rules::table::{HOOKS, Hook};

/// The moat, or `None` where nothing of it is there.
pub(crate) fn listing(tables: &[(Family, Saved)], sets: BTreeMap<String, Set>) -> Option<Listing> {
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    for (_, saved) in tables {
        for (name, _) in saved.own() {
            let plain = name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
            chains.entry(plain).or_insert_with(|| Chain { hook: None, rules: rules(tables, name) });
        }
    }
    if chains.is_empty() && sets.is_empty() {
        return None;
    }
    for (name, chain) in &mut chains {
        chain.hook = called(tables, name);
    }
    let others = strange_calls(tables);
    Some(Listing { flags: Some(Value::Null), chains, sets, others, ..Listing::empty(&SaveWords) })
}

/// How the kernel must call a chain: type, hook, priority and policy. All of iptables's chains of a table are called at
/// the table's one priority, -150 for `mangle`.
pub(crate) fn planned(hook: &Hook) -> Called {
    ("mangle".to_owned(), hook.name.to_owned(), -150, "accept".to_owned())
}

/// How the kernel calls a chain of ours. It is as planned if the kernel's own chain calls it with its first rule. That
/// must hold in both families, and for no other rule. Else it tells where the call stands.
fn called(tables: &[(Family, Saved)], name: &str) -> Option<Called> {
    let hook = HOOKS.iter().find(|hook| hook.name == name)?;
    let own = format!("{PREFIX}{name}");
    let call = format!("-j {own}");
    let mut missing = Vec::new();
    for (family, saved) in tables {
        let first = saved.0.get(&caller(name)).and_then(|rules| rules.first());
        if first.is_none_or(|rule| rule.words != call) {
            missing.push(format!("not first in {} of {}", caller(name), family.header()));
        }
    }
    missing.is_empty().then(|| planned(hook)).or(Some((missing.join(", "), String::new(), 0, String::new())))
}

/// Calls of our chains from elsewhere, or twice.
fn strange_calls(tables: &[(Family, Saved)]) -> Vec<String> {
    let mut strange = Vec::new();
    for (family, saved) in tables {
        for (chain, place, rule) in saved.calls() {
            let ours = HOOKS.iter().any(|hook| {
                caller(hook.name) == chain && rule.words == format!("-j {PREFIX}{}", hook.name) && place == 1
            });
            if !ours {
                strange.push(format!("rule {place} of {chain} of {}", family.header()));
            }
        }
    }
    strange
}

/// The rules of a chain, both families' under one id. Where the two do not stand in one order, a rule is
/// told twice, and so found.
fn rules(tables: &[(Family, Saved)], chain: &str) -> Vec<ListedRule> {
    let mut lists = tables
        .iter()
        .map(|(family, saved)| planned_rules(*family, saved.0.get(chain).map(Vec::as_slice).unwrap_or_default()));
    let (first, second) = (lists.next().unwrap_or_default(), lists.next().unwrap_or_default());
    let mut all = Vec::new();
    let mut rest = second.into_iter().peekable();
    for mut planned in first {
        let later = planned.id.is_some() && rest.clone().any(|other| other.id == planned.id);
        while later && rest.peek().is_some_and(|other| other.id != planned.id) {
            all.extend(rest.next());
        }
        if later && let Some(more) = rest.next() {
            planned.lines.extend(more.lines);
            planned.counted = (planned.counted.0 + more.counted.0, planned.counted.1 + more.counted.1);
        }
        all.push(planned);
    }
    all.extend(rest);
    let told = |planned: PlannedRule| ListedRule {
        id: planned.id,
        expressions: Value::Object(planned.lines),
        counted: Some(planned.counted),
    };
    all.into_iter().map(told).collect()
}

/// A rule of the plan as one family has it.
#[derive(Debug, Clone, Default)]
struct PlannedRule {
    id: Option<String>,
    lines: Map<String, Value>,
    counted: (u64, u64),
}

/// Rules that stand one behind the other under one id are one rule of the plan. What only fills a set decided
/// nothing, and so does not count.
fn planned_rules(family: Family, rules: &[SavedRule]) -> Vec<PlannedRule> {
    let mut planned_rules: Vec<(Option<String>, Vec<&SavedRule>)> = Vec::new();
    for rule in rules {
        match planned_rules.last_mut() {
            Some((id, together)) if id.is_some() && *id == rule.id => together.push(rule),
            _ => planned_rules.push((rule.id.clone(), vec![rule])),
        }
    }
    let told = |(id, together): (Option<String>, Vec<&SavedRule>)| {
        let mut planned = PlannedRule { id, ..PlannedRule::default() };
        rulespec::insert(&mut planned.lines, family, together.iter().map(|rule| json!(rule.words)).collect());
        for (packets, bytes) in together.iter().filter(|rule| !fills(rule)).filter_map(|rule| rule.counted) {
            planned.counted = (planned.counted.0 + packets, planned.counted.1 + bytes);
        }
        planned
    };
    planned_rules.into_iter().map(told).collect()
}

fn fills(rule: &SavedRule) -> bool {
    rule.target.as_deref() == Some("SET")
}

/// The networks and their bridges, by our own rules.
pub(crate) fn bridges(saved: &Saved) -> BTreeMap<String, String> {
    let rules =
        saved.0.get(&format!("{PREFIX}{}", crate::rules::table::PREROUTING)).map(Vec::as_slice).unwrap_or_default();
    let entrance = |rule: &SavedRule| {
        let (bridge, chain) = rule.words.strip_prefix("-i ")?.split_once(" -g ")?;
        let network = chain.strip_prefix(PREFIX)?.strip_prefix("net-")?;
        Some((network.to_owned(), bridge.to_owned()))
    };
    rules.iter().filter_map(entrance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Fitted;
    use crate::backend::counters::counting;
    use crate::backend::iptables::budgets::{self, Sender};
    use crate::backend::iptables::{adapted, restore, sets};
    use crate::rules::plan::Plan;
    use crate::rules::plan::tests::plan;
    use crate::verify::compare;
    use record::Outcome;

    /// What iptables-save would print, had the kernel loaded the plan.
    fn saved(plan: &Plan, family: Family) -> String {
        let text = restore::apply(plan, family, &Saved::default()).unwrap();
        let named: Vec<&str> = text.lines().filter(|line| line.starts_with(':')).collect();
        let own = HOOKS.map(|hook| format!(":{} ACCEPT [0:0]", caller(hook.name))).join("\n");
        let calls = text
            .lines()
            .filter_map(|line| line.strip_prefix("-I "))
            .map(|line| format!("-A {}", line.replacen(" 1 ", " ", 1)));
        let rules = text.lines().filter(|line| line.starts_with("-A ")).map(str::to_owned);
        let body: Vec<String> = calls.chain(rules).collect();
        format!("*mangle\n{own}\n{}\n{}\nCOMMIT\n", named.join("\n"), body.join("\n"))
    }

    fn kernel_sets(plan: &Plan) -> BTreeMap<String, Set> {
        let steps = sets::steps(plan, &BTreeMap::new(), Sender::Hardware).unwrap();
        let listed: String = steps
            .fill
            .lines()
            .filter_map(|line| line.strip_prefix("create "))
            .filter(|line| !line.contains("-+"))
            .map(|line| {
                let (name, rest) = line.split_once(' ').unwrap();
                let (kind, words) = rest.split_once(' ').unwrap();
                format!("Name: {name}\nType: {kind}\nHeader: {words}\n")
            })
            .collect();
        let headers = sets::headers(&listed).unwrap();
        let filled = |name: &str| {
            let new = format!("add netguard-+{name} ");
            let lines: String =
                steps.fill.lines().filter(|line| line.starts_with(&new)).map(|line| format!("{line}\n")).collect();
            sets::elements(name, "", &lines).unwrap()
        };
        let mut sets = headers.iter().map(|(name, header)| (name.clone(), header.set(name, filled(name)))).collect();
        budgets::paired(&headers, &mut sets);
        sets
    }

    fn defects(v4: &str, v6: &str) -> Vec<String> {
        let plan = Fitted::new(crate::backend::iptables::adapted(&plan()));
        let tables = [(Family::V4, Saved::parse(v4).unwrap()), (Family::V6, Saved::parse(v6).unwrap())];
        let listing = listing(&tables, kernel_sets(&plan));
        let findings = compare(&plan, listing.as_ref());
        findings
            .iter()
            .filter(|finding| finding.outcome != Outcome::Success)
            .map(|finding| finding.subject.name())
            .collect()
    }

    fn both() -> (String, String) {
        let plan = adapted(&plan());
        (saved(&plan, Family::V4), saved(&plan, Family::V6))
    }

    #[test]
    fn what_was_restored_as_planned_has_no_defect_and_nothing_at_all_is_no_moat() {
        let (v4, v6) = both();
        assert_eq!(defects(&v4, &v6), Vec::<String>::new());
        let tables = [(Family::V4, Saved::default()), (Family::V6, Saved::default())];
        assert!(listing(&tables, BTreeMap::new()).is_none());
        assert!(!counting(&adapted(&plan())).is_empty());
    }

    #[test]
    fn no_line_of_either_family_can_be_taken_away_or_weakened_unseen() {
        let (v4, v6) = both();
        for (text, is_v4) in [(&v4, true), (&v6, false)] {
            for line in text.lines().filter(|line| line.starts_with("-A ")) {
                for other in [
                    String::new(),
                    format!("{} -j RETURN", line.split(" -j ").next().unwrap().split(" -g ").next().unwrap()),
                ] {
                    let changed = text.replacen(line, &other, 1);
                    if changed == *text {
                        continue;
                    }
                    let found = if is_v4 { defects(&changed, &v6) } else { defects(&v4, &changed) };
                    assert!(!found.is_empty(), "{line} -> {other}");
                }
            }
        }
    }

    #[test]
    fn a_rule_of_another_program_before_ours_or_in_a_chain_of_ours_is_found() {
        let (v4, v6) = both();
        let before = v4.replacen("-A PREROUTING", "-A PREROUTING -j ACCEPT\n-A PREROUTING", 1);
        assert_eq!(defects(&before, &v6)[0], "chain prerouting");
        let within = v6.replacen("-A netguard-net-cell", "-A netguard-net-cell -j ACCEPT\n-A netguard-net-cell", 1);
        assert_eq!(defects(&v4, &within), ["rule 2 of chain net-cell"]);
        let elsewhere = v4.replacen("COMMIT", "-A FORWARD -j netguard-net-cell\nCOMMIT", 1);
        assert_eq!(defects(&elsewhere, &v6), ["rule 2 of FORWARD of ip"]);
    }

    #[test]
    fn two_rules_that_changed_places_in_one_family_are_found() {
        let (v4, v6) = both();
        let mut lines: Vec<&str> = v4.lines().collect();
        let at = |word: &str| lines.iter().position(|line| line.contains(word)).unwrap();
        let (host, peers) = (at("\"cell/host\""), at("\"cell/peers4\""));
        lines.swap(host, peers);
        assert!(defects(&lines.join("\n"), &v6).contains(&"chain net-cell".to_owned()));
    }

    #[test]
    fn what_was_refused_without_a_record_is_counted_over_both_families_and_what_was_recorded_is_not() {
        let (v4, v6) = both();
        let counted = |text: &str| {
            let parse = text.lines().map(|line| match line {
                line if line.contains("-p udp ") && line.contains("/refuse/spent-") => format!("[2:120] {line}\n"),
                line => format!("{line}\n"),
            });
            Saved::parse(&parse.collect::<String>()).unwrap()
        };
        let listing = listing(&[(Family::V4, counted(&v4)), (Family::V6, counted(&v6))], BTreeMap::new()).unwrap();
        let unrecorded = crate::backend::denied_flows::unrecorded(&listing);
        assert_eq!((unrecorded["cell"].packets, unrecorded["cell"].bytes), (4, 240));
    }

    #[test]
    fn the_bridges_are_read_from_the_rules() {
        let bridges = bridges(&Saved::parse(&both().0).unwrap());
        assert_eq!(bridges["cell"], "br-cell");
        assert_eq!(bridges.len(), 4);
    }
}
