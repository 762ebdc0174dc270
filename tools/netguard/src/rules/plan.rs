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
/// those that let answers in. What comes from a bridge is not asked where it is from once more if it goes into another:
/// the guarded networks are denied to each other, but for a hole that the policy allows.
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
pub(crate) mod tests {
    use super::*;
    use std::path::Path;

    /// The policy that Cellblock ships.
    pub(crate) fn shipped() -> Policy {
        Policy::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")), None).unwrap()
    }

    /// Its plan, with a listed range and an on-link one of each family.
    pub(crate) fn plan() -> Plan {
        of(&shipped())
    }

    /// The shipped policy's plan, where refused packets vanish.
    fn silent() -> Plan {
        let mut policy = shipped();
        policy.moat.refuse = policy::Refuse::Drop;
        of(&policy)
    }

    fn of(policy: &Policy) -> Plan {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        Plan::new(policy, &nets(&["8.8.4.0/24", "2a00:1::/32"]), &nets(&["5.6.7.0/24", "2a0a:77::/64"]))
    }

    #[test]
    fn every_rule_has_an_id_of_its_own_and_only_words_of_the_moat() {
        let plan = plan();
        let mut ids = std::collections::BTreeSet::new();
        for rule in &plan.rules {
            crate::rules::validate::check(rule).unwrap();
            assert!(ids.insert(&rule.id), "{} stands twice", rule.id);
        }
    }

    #[test]
    fn the_rules_of_a_bridge_stand_in_the_order_that_protects() {
        let plan = plan();
        for (chain, last) in [("net-cell", "cell/internet"), ("net-monitor", "monitor/sealed")] {
            let ids: Vec<&str> = plan.rules_of(chain).map(|rule| rule.id.rsplit('/').next().unwrap()).collect();
            let place = |word: &str| ids.iter().position(|id| *id == word).unwrap();
            assert!(place("neighbours") < place("source4"));
            assert!(place("source6") < place("answers") && place("source-own") < place("answers"));
            assert!(
                place("answers") < place("host") && place("host") < place("peers4") && place("host") < place("peers6")
            );
            assert_eq!(plan.rules_of(chain).last().unwrap().id, last);
        }
        let ids: Vec<&str> = plan.rules_of("net-cell").map(|rule| rule.id.as_str()).collect();
        assert!(ids.iter().position(|id| *id == "cell/listed6") < ids.iter().position(|id| *id == "cell/internet"));
    }

    #[test]
    fn what_is_refused_ends_in_a_drop_that_asks_nothing_and_records_nothing() {
        let plan = plan();
        let last = plan.rules_of("refuse-monitor").last().unwrap();
        assert_eq!((last.when.as_slice(), &last.verdict), ([].as_slice(), &Verdict::Drop));
        let refusing = plan.rules_of("net-monitor").last().unwrap();
        let goto = Verdict::Goto("refuse-monitor".to_owned());
        assert_eq!((refusing.when.as_slice(), &refusing.verdict), ([].as_slice(), &goto));
    }

    #[test]
    fn who_is_refused_is_told_so_where_the_policy_says_it_and_no_forged_source_is() {
        let all = |plan: &Plan| plan.rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>();
        let (silent, told) = (silent(), plan());
        let added: Vec<String> = all(&told).into_iter().filter(|id| !all(&silent).contains(id)).collect();
        assert_eq!(added.len(), 16, "four a network: {added:?}");
        for network in ["cell", "monitor"] {
            let chain = format!("refuse-{network}");
            let rules: Vec<&Rule> = told.rules_of(&chain).collect();
            let answers = |rule: &&&Rule| matches!(rule.verdict, Verdict::Reject(_));
            for rule in rules.iter().filter(answers) {
                assert!(rule.when.contains(&Condition::SourceUnicast), "{}", rule.id);
                assert!(matches!(rule.when.first(), Some(Condition::Source(nets)) if nets.len() == 1), "{}", rule.id);
                assert!(rule.when.iter().any(|condition| matches!(condition, Condition::AtMost(_))), "{}", rule.id);
            }
            let place = |word: &str| rules.iter().position(|rule| rule.id.ends_with(word)).unwrap();
            assert!(place("/other6") < place("/reset4"), "what is answered was counted first");
            assert!(place("/reset6") < place("/prohibited4"), "TCP waits a second after an ICMP message");
            assert_eq!(rules.last().unwrap().verdict, Verdict::Drop);
        }
        told.rules.iter().for_each(|rule| crate::rules::validate::check(rule).unwrap());
    }

    #[test]
    fn no_network_counts_in_the_sets_of_another() {
        let plan = plan();
        for bridge in ["cell", "egress", "monitor", "warden"] {
            let own = |set: &String| set.ends_with(&format!("-{bridge}"));
            let chain = format!("refuse-{bridge}");
            let rules: Vec<&Rule> = plan.rules_of(&chain).collect();
            assert_eq!(rules.len(), 13);
            for rule in rules {
                assert!(!matches!(&rule.verdict, Verdict::Record(set) if !own(set)), "{}", rule.id);
                assert!(rule.when.iter().all(|condition| match condition {
                    Condition::NewTo(set) | Condition::Spent(set) => own(set),
                    _ => true,
                }));
            }
        }
        assert_eq!((plan.flow_sets().len(), plan.budgets().len()), (16, 4));
    }

    #[test]
    fn each_packet_of_a_bridge_meets_its_rules_where_it_goes_on_and_where_the_host_takes_it_in() {
        let plan = plan();
        for name in ["cell", "egress", "monitor", "warden"] {
            for (chain, target) in [(PREROUTING, "net"), (FORWARD, "net"), (INPUT, "host")] {
                let from = [Condition::From(format!("br-{name}"))];
                let rule = plan.rules_of(chain).find(|rule| rule.when == from).unwrap();
                assert_eq!(rule.verdict, Verdict::Goto(format!("{target}-{name}")), "{chain}");
            }
            let last = plan.rules_of(&format!("host-{name}")).last().unwrap().clone();
            assert_eq!((last.when, last.verdict), (vec![], Verdict::Goto(format!("refuse-{name}"))));
        }
        // Who comes from a bridge is asked that first: what goes into another one is no answer only because it seems so.
        let place = |id: &str| plan.rules_of(FORWARD).position(|rule| rule.id == id).unwrap();
        assert!(place("known6") < place("cell/through") && place("warden/through") < place("cell/in"));
    }

    #[test]
    fn only_what_met_every_rule_of_an_open_network_is_remembered() {
        let plan = plan();
        let ids: Vec<&str> = plan.rules_of("net-cell").map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids[ids.len() - 3..], ["cell/remember4", "cell/remember6", "cell/internet"]);
        let first: Vec<&str> = plan.rules_of(FORWARD).map(|rule| rule.id.as_str()).take(3).collect();
        assert_eq!(first, ["known4", "known6", "cell/through"]);
        let remember: Vec<&str> = plan
            .rules
            .iter()
            .filter(|rule| matches!(rule.verdict, Verdict::Remember(_)))
            .map(|rule| rule.id.as_str())
            .collect();
        assert_eq!(
            remember,
            ["cell/remember4", "cell/remember6", "egress/remember4", "egress/remember6"],
            "the open networks"
        );
        assert_eq!(plan.pairs(), Pairs::BOTH);
    }

    #[test]
    fn every_active_bridge_is_guarded_in_both_directions() {
        let plan = plan();
        assert_eq!(plan.bridges(), ["br-cell", "br-egress", "br-monitor", "br-warden"]);
        for bridge in plan.bridges() {
            assert!(
                plan.rules_of(FORWARD).any(|rule| rule.when.contains(&Condition::Into(bridge.to_owned()))),
                "{bridge}"
            );
        }
        for network in shipped().active_networks() {
            for (family, net) in [(Family::V4, IpNet::from(network.v4)), (Family::V6, network.v6.into())] {
                let held = &plan.sets[&SetName(Group::Guarded, family)];
                assert!(crate::rules::address_set::holds(held, net.addr()), "{net}");
            }
        }
    }

    #[test]
    fn a_plan_read_back_from_its_lines_is_the_same() {
        let plan = plan();
        let mut bytes = Vec::new();
        let mut writer = tool::Writer::to(&mut bytes, record::Provider::Netguard, tool::Purpose::Tell);
        crate::rules::records::write(&plan, &mut writer).unwrap();
        writer.finish().unwrap();
        assert_eq!(crate::rules::records::read(bytes.as_slice()).unwrap(), plan);
    }

    #[test]
    fn of_a_closed_plan_no_rule_lets_anything_by_and_every_chain_ends_in_a_refusal() {
        let (open, closed) = (plan(), plan().closed());
        assert_eq!((closed.bridges(), closed.chains()), (open.bridges(), open.chains()));
        assert_eq!((closed.flow_sets(), closed.budgets(), closed.pairs()), (open.flow_sets(), open.budgets(), vec![]));
        assert!(closed.rules.iter().all(|rule| !matches!(rule.verdict, Verdict::Accept | Verdict::Remember(_))));
        for chain in closed
            .chains()
            .into_iter()
            .filter(|chain| crate::rules::table::HOOKS.iter().all(|hook| hook.name != *chain))
        {
            let last = closed.rules_of(chain).last().unwrap();
            assert!(last.when.is_empty(), "{chain}");
            assert!(matches!(last.verdict, Verdict::Drop | Verdict::Goto(_)), "{chain}");
        }
        for rule in &closed.rules {
            crate::rules::validate::check(rule).unwrap();
        }
        assert_eq!(closed.closed(), closed);
    }

    #[test]
    fn a_plan_that_lost_its_end_is_refused() {
        let mut bytes = Vec::new();
        crate::rules::records::write(
            &plan(),
            &mut tool::Writer::to(&mut bytes, record::Provider::Netguard, tool::Purpose::Tell),
        )
        .unwrap();
        assert!(crate::rules::records::read(bytes.as_slice()).unwrap_err().to_string().contains("no end"));
    }
}
