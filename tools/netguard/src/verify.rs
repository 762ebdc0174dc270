//! The kernel against the plan, rule by rule. A pure function of both.

mod fast_path;

use std::collections::BTreeSet;

use record::Outcome;
use serde_json::Value;

use crate::backend::Fitted;
use crate::backend::counters::{Shape, filled};
use crate::backend::ruleset::Listing;
use crate::rules::plan::Plan;
use crate::rules::rule::Rule;
use crate::rules::syntax;
use crate::rules::table::{HOOKS, Pairs};

/// A part of the plan, or something beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject<'a> {
    /// A rule of the plan.
    Rule(&'a Rule),
    /// A set of the plan, by name.
    Set(String),
    /// A chain of the plan, by name: how it is called, and the order of its rules.
    Chain(String),
    /// Something that is not of the plan.
    Stranger(String),
}

/// What was found about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding<'a> {
    /// The part that the finding is about.
    pub(crate) subject: Subject<'a>,
    /// As planned, not as planned, or not known.
    pub(crate) outcome: Outcome,
    /// Why it is not as planned.
    pub(crate) reason: Option<String>,
    /// What the kernel holds instead.
    pub(crate) found: Option<String>,
}

impl Subject<'_> {
    /// The part's kind and name, for a message.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Rule(rule) => format!("rule {}", rule.id),
            Self::Set(name) => format!("set {name}"),
            Self::Chain(name) => format!("chain {name}"),
            Self::Stranger(what) => what.clone(),
        }
    }
}

fn good(subject: Subject<'_>) -> Finding<'_> {
    Finding { subject, outcome: Outcome::Success, reason: None, found: None }
}

fn bad<'a>(subject: Subject<'a>, reason: impl Into<String>, found: Option<String>) -> Finding<'a> {
    Finding { subject, outcome: Outcome::Failure, reason: Some(reason.into()), found }
}

/// Every chain, set and rule of the plan, and every stranger in the table. With no table, all fails.
pub(crate) fn compare<'a>(plan: &'a Fitted, kernel: Option<&Listing>) -> Vec<Finding<'a>> {
    let nothing = Listing::default();
    let mut findings = compare_structure(plan, kernel);
    let kernel = kernel.unwrap_or(&nothing);
    findings.extend(plan.sets.iter().map(|(name, ranges)| set(&name.to_string(), ranges, kernel)));
    findings.extend(plan.pairs().iter().filter_map(|pairs| foreign_pair(plan, pairs, kernel)));
    findings
}

/// The ids of the rules that the kernel holds as planned.
pub(crate) fn as_planned(findings: &[Finding<'_>]) -> BTreeSet<String> {
    let stands = |finding: &Finding<'_>| match finding.subject {
        Subject::Rule(rule) if finding.outcome == Outcome::Success => Some(rule.id.clone()),
        _ => None,
    };
    findings.iter().filter_map(stands).collect()
}

/// The same, but for the contents of the sets of addresses.
pub(crate) fn compare_structure<'a>(plan: &'a Fitted, kernel: Option<&Listing>) -> Vec<Finding<'a>> {
    let nothing = Listing::default();
    let kernel = kernel.unwrap_or(&nothing);
    let mut findings = Vec::new();
    if let Some(flags) = kernel.flags.as_ref().filter(|flags| !flags.is_null()) {
        let reason = "the table carries a flag, and a dormant table judges nothing";
        findings.push(bad(Subject::Stranger("table flag".to_owned()), reason, Some(flags.to_string())));
    }
    for name in plan.chains() {
        findings.push(chain(plan, name, kernel));
    }
    findings.extend(plan.rules.iter().map(|rule| compare_rule(rule, kernel)));
    findings.extend(filled(plan).iter().map(|(name, shape)| counts(name, shape, kernel)));
    findings.extend(strangers(plan, kernel));
    findings
}

/// Whether chains and rules stand as planned, and nothing else does; what the sets of addresses hold is not asked.
pub(crate) fn stands(plan: &Fitted, kernel: &Listing) -> bool {
    compare_structure(plan, Some(kernel)).iter().all(|finding| finding.outcome == Outcome::Success)
}

fn chain<'a>(plan: &Plan, name: &str, kernel: &Listing) -> Finding<'a> {
    let subject = Subject::Chain(name.to_owned());
    let Some(found) = kernel.chains.get(name) else {
        return bad(subject, "the kernel has no such chain", None);
    };
    let wanted = HOOKS.iter().find(|hook| hook.name == name).map(|hook| kernel.dialect.hook(hook));
    if found.hook != wanted {
        return bad(subject, "the kernel calls it in another way", Some(format!("{:?}", found.hook)));
    }
    let wanted: Vec<&str> = plan.rules_of(name).map(|rule| rule.id.as_str()).collect();
    for mut order in kernel.dialect.orders(&found.rules) {
        order.retain(|id| wanted.contains(id));
        let expected: Vec<&str> = wanted.iter().copied().filter(|id| order.contains(id)).collect();
        if order != expected {
            return bad(subject, "its rules stand in another order, or twice", Some(order.join(" ")));
        }
    }
    good(subject)
}

fn compare_rule<'a>(rule: &'a Rule, kernel: &Listing) -> Finding<'a> {
    let rules = kernel.chains.get(&rule.chain).map(|chain| chain.rules.as_slice()).unwrap_or_default();
    let listed = rules.iter().find(|listed| listed.id.as_deref() == Some(rule.id.as_str()));
    match listed {
        None => bad(Subject::Rule(rule), "the kernel has no such rule", None),
        Some(listed) if listed.expressions == kernel.dialect.expected(rule) => good(Subject::Rule(rule)),
        Some(listed) => {
            bad(Subject::Rule(rule), "the kernel's rule says something else", Some(listed.expressions.to_string()))
        }
    }
}

fn set<'a>(name: &str, ranges: &[ipnet::IpNet], kernel: &Listing) -> Finding<'a> {
    let subject = Subject::Set(name.to_owned());
    let Some(found) = kernel.sets.get(name) else {
        return bad(subject, "the kernel has no such set", None);
    };
    if found.key != [syntax::family_of_set(name).address_type()] {
        return bad(subject, "the kernel's set is of another type", Some(found.key.join(" . ")));
    }
    match found.ranges() {
        Err(error) => Finding { subject, outcome: Outcome::Unknown, reason: Some(format!("{error:#}")), found: None },
        Ok(held) if held == ranges => good(subject),
        Ok(held) => {
            let missing: Vec<String> =
                ranges.iter().filter(|range| !held.contains(range)).map(ToString::to_string).collect();
            let extra: Vec<String> =
                held.iter().filter(|range| !ranges.contains(range)).map(ToString::to_string).collect();
            let reason = format!("{} ranges are missing and {} too many", missing.len(), extra.len());
            let shown = |ranges: &[String]| ranges.iter().take(10).cloned().collect::<Vec<_>>().join(" ");
            bad(subject, reason, Some(format!("missing: {}; too many: {}", shown(&missing), shown(&extra))))
        }
    }
}

/// What would pass unasked although the rules refuse it. That the set is there and of its shape was seen before.
fn foreign_pair<'a>(plan: &Plan, pairs: &Pairs, kernel: &Listing) -> Option<Finding<'a>> {
    let subject = Subject::Set(pairs.name());
    match fast_path::foreign_pair(plan, &kernel.sets.get(&pairs.name())?.elements) {
        Ok(None) => None,
        Ok(Some(pair)) => Some(bad(subject, "it lets through what no rule judged", Some(pair))),
        Err(error) => {
            Some(Finding { subject, outcome: Outcome::Unknown, reason: Some(format!("{error:#}")), found: None })
        }
    }
}

fn counts<'a>(name: &str, shape: &Shape, kernel: &Listing) -> Finding<'a> {
    let subject = Subject::Set(name.to_owned());
    match kernel.sets.get(name) {
        None => bad(subject, "the kernel has no such set", None),
        Some(found) if shape.fits(found) => good(subject),
        Some(found) => bad(subject, "the kernel's set is of another shape", Some(found.key.join(" . "))),
    }
}

fn strangers<'a>(plan: &Plan, kernel: &Listing) -> Vec<Finding<'a>> {
    let mut strangers = Vec::new();
    let chains = plan.chains();
    for (name, chain) in &kernel.chains {
        if !chains.contains(&name.as_str()) {
            strangers.push((format!("chain {name}"), None));
        }
        let known = |id: &Option<String>| id.as_ref().is_some_and(|id| plan.rules_of(name).any(|rule| rule.id == *id));
        for (place, rule) in (1..).zip(&chain.rules) {
            if !known(&rule.id) {
                strangers.push((format!("rule {place} of chain {name}"), Some(rule.expressions.clone())));
            }
        }
    }
    let filled = filled(plan);
    let set_is_ours =
        |name: &str| plan.sets.keys().any(|set| set.to_string() == name) || filled.iter().any(|(set, _)| set == name);
    strangers.extend(kernel.sets.keys().filter(|name| !set_is_ours(name)).map(|name| (format!("set {name}"), None)));
    strangers.extend(kernel.others.iter().map(|other| (other.clone(), None)));
    strangers
        .into_iter()
        .map(|(name, found): (String, Option<Value>)| {
            bad(
                Subject::Stranger(name),
                "it is not in the plan, and could let through what the plan refuses",
                found.map(|found| found.to_string()),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::nft::json;
    use serde_json::json;

    /// What nft would list, had the kernel loaded the plan.
    fn plan() -> Fitted {
        Fitted::whole(crate::rules::plan::tests::plan())
    }

    fn listed(plan: &Plan) -> Vec<Value> {
        let mut items = vec![json!({"table": {"family": "inet", "name": "netguard", "handle": 1}})];
        for chain in plan.chains() {
            let hook = HOOKS.iter().find(|hook| hook.name == chain);
            items.push(match hook {
                Some(hook) => json!({"chain": {"name": chain, "type": hook.kind, "hook": hook.hook, "prio": hook.priority, "policy": "accept"}}),
                None => json!({"chain": {"name": chain}}),
            });
        }
        for rule in &plan.rules {
            items.push(json!({"rule": {"chain": rule.chain, "comment": rule.id, "expr": json::rule(rule)}}));
        }
        for (name, ranges) in &plan.sets {
            let elements: Vec<Value> = ranges
                .iter()
                .map(|range| json!({"prefix": {"addr": range.addr(), "len": range.prefix_len()}}))
                .collect();
            items.push(json!({"set": {"name": name.to_string(), "type": name.1.address_type(), "flags": ["interval"], "elem": elements}}));
        }
        for set in plan.flow_sets() {
            items.push(json!({"set": {"name": set.name(), "type": set.key_type(), "flags": ["timeout"], "size": 16384, "timeout": 3600}}));
        }
        for set in plan.budgets() {
            items.push(json!({"set": {"name": set.name(), "type": "ether_addr", "flags": ["timeout"], "size": 1024, "timeout": 3600}}));
        }
        for set in plan.pairs() {
            items.push(json!({"set": {"name": set.name(), "type": set.key_type(), "flags": ["timeout"], "size": 16384, "timeout": 10}}));
        }
        items
    }

    fn defects(plan: &Fitted, items: &[Value]) -> Vec<String> {
        let listing = Listing::parse(json!({"nftables": items}).to_string().as_bytes()).unwrap();
        let findings = compare(plan, Some(&listing));
        findings
            .iter()
            .filter(|finding| finding.outcome != Outcome::Success)
            .map(|finding| finding.subject.name())
            .collect()
    }

    #[test]
    fn what_was_loaded_as_planned_has_no_defect_and_an_empty_kernel_has_only_defects() {
        let plan = plan();
        assert_eq!(defects(&plan, &listed(&plan)), Vec::<String>::new());
        let listing = Listing::parse(json!({"nftables": listed(&plan)}).to_string().as_bytes()).unwrap();
        assert_eq!(crate::backend::dialect::bridges(&listing), plan.bridges());
        assert!(compare(&plan, None).iter().all(|finding| finding.outcome == Outcome::Failure));
    }

    #[test]
    fn no_item_of_the_listing_can_be_taken_away_unseen() {
        let plan = plan();
        let whole = listed(&plan);
        for index in 1..whole.len() {
            let mut items = whole.clone();
            let gone = items.remove(index);
            // A chain that no hook calls is there when its rules are.
            if gone["chain"].is_object() && gone["chain"]["hook"].is_null() {
                continue;
            }
            assert!(!defects(&plan, &items).is_empty(), "{gone}");
        }
    }

    #[test]
    fn no_rule_can_be_weakened_moved_or_added_unseen() {
        let plan = plan();
        let whole = listed(&plan);
        let at = |id: &str| whole.iter().position(|item| item["rule"]["comment"] == id).unwrap();
        let mut weakened = whole.clone();
        weakened[at("cell/host")]["rule"]["expr"][0]["match"]["op"] = json!("!=");
        assert_eq!(defects(&plan, &weakened), ["rule cell/host"]);
        let mut moved = whole.clone();
        moved.swap(at("cell/internet"), at("cell/special4"));
        assert_eq!(defects(&plan, &moved), ["chain net-cell"]);
        let mut doubled = whole.clone();
        doubled.push(whole[at("cell/answers")].clone());
        assert_eq!(defects(&plan, &doubled), ["chain net-cell"]);
        let mut added = whole.clone();
        added.push(json!({"rule": {"chain": "net-cell", "expr": [{"accept": null}]}}));
        assert_eq!(defects(&plan, &added).len(), 1);
        let mut late = whole.clone();
        let chain = late.iter().position(|item| item["chain"]["name"] == "prerouting").unwrap();
        late[chain]["chain"]["prio"] = json!(-90);
        assert_eq!(defects(&plan, &late), ["chain prerouting"]);
        let mut asleep = whole;
        asleep[0]["table"]["flags"] = json!("dormant");
        assert_eq!(defects(&plan, &asleep), ["table flag"]);
    }

    #[test]
    fn a_pair_that_nobody_judged_is_a_defect() {
        let plan = plan();
        let mut items = listed(&plan);
        let set = items.iter().position(|item| item["set"]["name"] == "judged4").unwrap();
        let pair = |destination: &str| json!([{"elem": {"val": {"concat": ["br-cell", "172.30.1.3", destination]}, "expires": 3}}]);
        items[set]["set"]["elem"] = pair("8.8.8.8");
        assert_eq!(defects(&plan, &items), Vec::<String>::new());
        items[set]["set"]["elem"] = pair("192.168.77.10");
        assert_eq!(defects(&plan, &items), ["set judged4"]);
    }

    #[test]
    fn a_set_that_cannot_be_read_is_unknown_and_no_pass() {
        let plan = plan();
        let mut items = listed(&plan);
        let set = items.iter().position(|item| item["set"]["name"] == "special4").unwrap();
        items[set]["set"]["elem"] = json!(["ten"]);
        let listing = Listing::parse(json!({"nftables": items}).to_string().as_bytes()).unwrap();
        let findings = compare(&plan, Some(&listing));
        assert_eq!(findings.iter().filter(|finding| finding.outcome == Outcome::Unknown).count(), 1);
    }
}
