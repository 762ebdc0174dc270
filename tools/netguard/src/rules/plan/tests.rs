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
        assert!(place("answers") < place("host") && place("host") < place("peers4") && place("host") < place("peers6"));
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
        assert!(plan.rules_of(FORWARD).any(|rule| rule.when.contains(&Condition::Into(bridge.to_owned()))), "{bridge}");
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
    for chain in
        closed.chains().into_iter().filter(|chain| crate::rules::table::HOOKS.iter().all(|hook| hook.name != *chain))
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
