//! The plan: every rule and every set that the policy asks for. A pure function of the policy, the deny
//! lists and the networks that this machine is on.

use std::collections::BTreeMap;

use ipnet::IpNet;
use policy::{Class, Network, Policy};
use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};

use crate::rules::address_set::{Family, Group, SetName, merged};
use crate::rules::bridge;
use crate::rules::role::{OUTSIDE, Role};
use crate::rules::rule::Rule;
use crate::rules::table::{Budget, FORWARD, FlowSet, INPUT, INWARD, LOOPBACK, NET, PREROUTING, Pairs};

/// Rules in the order of the kernel, and the sets of addresses: all of them, sorted and merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Chain after chain, in order.
    pub(crate) rules: Vec<Rule>,
    /// Denied destinations, and the guarded networks.
    pub(crate) sets: BTreeMap<SetName, Vec<IpNet>>,
}

impl Plan {
    /// The plan of a policy. `listed` is what its deny lists name, `on_link` the networks this machine is
    /// on outside the guarded bridges.
    pub(crate) fn new(policy: &Policy, listed: &[IpNet], on_link: &[IpNet]) -> Self {
        let networks: Vec<&Network> = policy.active_networks().collect();
        let mut rules = entrances(&networks);
        rules.extend(inward());
        rules.extend(networks.iter().flat_map(|network| bridge::host(network)));
        for network in &networks {
            let holes = policy.moat.allow.iter().filter(|hole| hole.network == network.name);
            rules.extend(match network.class {
                Class::Open => bridge::open(network, holes),
                Class::Sealed => bridge::sealed(network),
            });
        }
        rules.extend(networks.iter().flat_map(|network| bridge::refuse(network, policy.moat.refuse)));
        let mut sets = BTreeMap::new();
        split(&mut sets, Group::Special, &policy::special_purpose_ranges());
        split(&mut sets, Group::OnLink, on_link);
        split(&mut sets, Group::Listed, listed);
        let subnets = networks.iter().flat_map(|network| [network.v4.into(), network.v6.into()]);
        split(&mut sets, Group::Guarded, &subnets.collect::<Vec<IpNet>>());
        Self { rules, sets }
    }

    /// The same rules on other networks of this machine.
    pub(crate) fn on(&self, on_link: &[IpNet]) -> Self {
        let mut plan = self.clone();
        split(&mut plan.sets, Group::OnLink, on_link);
        plan
    }

    /// The same bridges, closed: nothing that a rule lets by passes any more, in or out. Not even what goes to the
    /// host, or answers it. Members of one bridge still reach each other on it, for no rule sees that. What is tried is
    /// counted as ever.
    pub(crate) fn closed(&self) -> Self {
        let passes = |rule: &Rule| matches!(rule.verdict, Verdict::Accept | Verdict::Remember(_));
        let rules = self.rules.iter().filter_map(|rule| match rule.chain.strip_prefix(NET) {
            Some(network) if passes(rule) && rule.when.is_empty() => Some(bridge::shut(network)),
            _ => (!passes(rule)).then(|| rule.clone()),
        });
        Self { rules: rules.collect(), sets: self.sets.clone() }
    }

    /// The chains, in the order of their first rule.
    pub(crate) fn chains(&self) -> Vec<&str> {
        let mut chains = Vec::new();
        for rule in &self.rules {
            if !chains.contains(&rule.chain.as_str()) {
                chains.push(rule.chain.as_str());
            }
        }
        chains
    }

    /// The rules of one chain, in order.
    pub(crate) fn rules_of<'a>(&'a self, chain: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.chain == chain)
    }

    /// The bridges that the plan guards.
    pub(crate) fn bridges(&self) -> Vec<&str> {
        self.rules_of(PREROUTING)
            .filter_map(|rule| match rule.when.as_slice() {
                [Condition::From(bridge)] => Some(bridge.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The sets in which denied flows are counted, in the order of the rules that do.
    pub(crate) fn flow_sets(&self) -> Vec<FlowSet> {
        let recorded = |rule: &Rule| match &rule.verdict {
            Verdict::Record(set) => FlowSet::named(set),
            _ => None,
        };
        self.rules.iter().filter_map(recorded).collect()
    }

    /// The sets of pairs that were judged, if any rule asks them or fills them.
    pub(crate) fn pairs(&self) -> Vec<Pairs> {
        let names = |rule: &Rule, name: &str| {
            matches!(&rule.verdict, Verdict::Remember(set) if set == name)
                || rule.when.iter().any(|condition| matches!(condition, Condition::Judged(set) if set == name))
        };
        let named = |pairs: &Pairs| self.rules.iter().any(|rule| names(rule, &pairs.name()));
        Pairs::BOTH.into_iter().filter(named).collect()
    }

    /// The sets of what senders may still add to those.
    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let mut budgets = Vec::new();
        for condition in self.rules.iter().flat_map(|rule| &rule.when) {
            let Condition::Spent(set) = condition else { continue };
            budgets.extend(Budget::named(set).filter(|budget| !budgets.contains(budget)));
        }
        budgets
    }

    /// How many ranges the sets hold.
    pub(crate) fn ranges(&self) -> usize {
        self.sets.values().map(Vec::len).sum()
    }
}

fn split(sets: &mut BTreeMap<SetName, Vec<IpNet>>, group: Group, ranges: &[IpNet]) {
    let merged = merged(ranges);
    for family in Family::BOTH {
        let of_family = merged.iter().copied().filter(|range| Family::of(range) == family).collect();
        sets.insert(SetName(group, family), of_family);
    }
}

/// The chains that the kernel calls send what comes from a bridge to rules of its own. What goes into one they send to
/// those that let answers in. What comes from a bridge and goes into another is not asked again where it is from. The
/// guarded networks are denied to each other, but for a hole that the policy allows.
fn entrances(networks: &[&Network]) -> Vec<Rule> {
    let from = |hook: &str, word: &str, network: &Network, chain: String| Rule {
        id: format!("{}/{word}", network.name),
        role: Role::Other,
        chain: hook.to_owned(),
        when: vec![Condition::From(network.bridge.to_string())],
        meaning: format!("What comes from {} is judged by rules of its own.", network.bridge),
        verdict: Verdict::Goto(chain),
    };
    let out = networks.iter().map(|network| from(PREROUTING, "out", network, bridge::chain(network)));
    let through = networks.iter().map(|network| from(FORWARD, "through", network, bridge::chain(network)));
    let host = networks.iter().map(|network| from(INPUT, "host-in", network, bridge::host_chain(network)));
    let inward = networks.iter().map(|network| Rule {
        id: format!("{}/in", network.name),
        role: Role::Other,
        chain: FORWARD.to_owned(),
        when: vec![Condition::Into(network.bridge.to_string()), Condition::NotFrom(network.bridge.to_string())],
        verdict: Verdict::Goto(INWARD.to_owned()),
        meaning: format!("What goes to {} from another interface must be an answer.", network.bridge),
    });
    out.chain(posing()).chain(Pairs::BOTH.map(bridge::accepted)).chain(through).chain(inward).chain(host).collect()
}

/// Whoever opens a connection in a member's name from elsewhere would have its answers let in. The host's own address
/// on a bridge is among those of its members, and comes in over the loopback interface.
fn posing() -> [Rule; 2] {
    Family::BOTH.map(|family| Rule {
        id: format!("{OUTSIDE}/source{}", family.digit()),
        role: Role::Other,
        chain: PREROUTING.to_owned(),
        when: vec![
            Condition::NotFrom(LOOPBACK.to_owned()),
            Condition::SourceIn(SetName(Group::Guarded, family).to_string()),
        ],
        verdict: Verdict::Drop,
        meaning: "Refused: a member's address as source, from another interface.".to_owned(),
    })
}

fn inward() -> Vec<Rule> {
    let rule = |id: String, role, when, verdict, meaning: &str| Rule {
        id,
        role,
        chain: INWARD.to_owned(),
        when,
        verdict,
        meaning: meaning.to_owned(),
    };
    vec![
        rule(
            format!("{INWARD}/answers"),
            Role::Other,
            vec![Condition::Answer],
            Verdict::Accept,
            "Answers to what a member asked come in.",
        ),
        rule(
            Role::InwardRest.id(INWARD),
            Role::InwardRest,
            vec![],
            Verdict::Drop,
            "Nothing else does, whatever Docker publishes.",
        ),
    ]
}

#[cfg(test)]
pub(crate) mod tests;
