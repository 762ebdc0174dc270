//! The plan's rules in the words of iptables, one family at a time.
//!
//! iptables has no alternatives within a rule. So a rule of the plan may become several, in a row. Each has the plan's
//! id as its comment. The words stand in the order in which iptables-save prints them. So what was loaded can be held
//! against what is there, word by word.

use anyhow::{Context, Result, bail, ensure};
use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};
use serde_json::{Map, Value};

use super::budgets;
use crate::rules::address_set::{Family, SetName};
use crate::rules::rule::Rule;
use crate::rules::syntax;
use crate::rules::table::{Budget, FlowSet, OWN, PORTED, ported};

/// What the names of all our chains and sets begin with.
pub(crate) const PREFIX: &str = "netguard-";
/// The longest name of a chain that iptables takes, in bytes (`XT_EXTENSION_MAXNAMELEN` less the NUL).
const LONGEST_CHAIN: usize = 28;

/// Where in a rule words stand, in the order of iptables-save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    Source,
    Destination,
    From,
    Into,
    Protocol,
    Match,
}

type Words = Vec<(Position, String)>;

/// The name of a chain in the kernel.
///
/// # Errors
/// If it is longer than iptables takes.
pub(crate) fn chain(name: &str) -> Result<String> {
    let chain = format!("{PREFIX}{name}");
    ensure!(
        chain.len() <= LONGEST_CHAIN,
        "iptables takes no chain of the name {chain}, which is longer than {LONGEST_CHAIN} bytes; \
         shorten the network's name, or install nftables"
    );
    Ok(chain)
}

/// The name of a set in the kernel: those of other programs have another prefix.
pub(crate) fn set(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// What iptables (or ip6tables) must hold for a rule of the plan, rule by rule, without chain and comment:
/// matches, and the target. Empty where the rule is about the other family only.
///
/// # Errors
/// If iptables has no words for it.
pub(crate) fn rules(rule: &Rule, family: Family) -> Result<Vec<(String, String)>> {
    let place = || format!("rule {} cannot be said to iptables", rule.id);
    let target = target(&rule.verdict).with_context(place)?;
    let concerns = counted(rule);
    if concerns.as_ref().is_some_and(|set| set.family != family) {
        return Ok(Vec::new());
    }
    let mut all: Vec<Words> = vec![Vec::new()];
    for condition in &rule.when {
        let alternatives = alternatives(condition, concerns.as_ref(), family).with_context(place)?;
        all = all
            .iter()
            .flat_map(|words| alternatives.iter().map(|more| [words.as_slice(), more.as_slice()].concat()))
            .collect();
    }
    if let Verdict::Record(name) = &rule.verdict {
        // Asking counts, where the flow is known; where it is not, it is added with a count of one.
        let unknown = (Position::Match, format!("-m set ! --match-set {} src,dst,dst", set(name)));
        all.iter_mut().for_each(|words| words.push(unknown.clone()));
    }
    let said = |words: Words, then: &str| Ok((joined(words).with_context(place)?, then.to_owned()));
    let Some(budget) = budget(rule) else { return all.into_iter().map(|words| said(words, &target)).collect() };
    let with = |words: Words, more: String| [words, vec![(Position::Match, more)]].concat();
    all.into_iter()
        .flat_map(|words| {
            let first =
                said(with(words.clone(), budgets::untouched(&budget, family)), &budgets::opened(&budget, family));
            [said(with(words, budgets::spent(&budget, family)), &target), first]
        })
        .collect()
}

/// What `verify` expects of the kernel for a rule: both families' words, or what was wrong with it.
pub(crate) fn expected(rule: &Rule) -> Value {
    let of = |family| rules(rule, family).map(|rules| rules.into_iter().map(|(when, then)| line(&when, &then)));
    let mut both = Map::new();
    for family in Family::BOTH {
        match of(family) {
            Ok(lines) => insert(&mut both, family, lines.map(Value::String).collect()),
            Err(error) => insert(&mut both, family, vec![Value::String(format!("{error:#}"))]),
        }
    }
    Value::Object(both)
}

/// Adds a family's lines, if there are any.
pub(crate) fn insert(both: &mut Map<String, Value>, family: Family, lines: Vec<Value>) {
    if !lines.is_empty() {
        both.insert(family.header().to_owned(), Value::Array(lines));
    }
}

/// Matches and target as one text.
pub(crate) fn line(when: &str, then: &str) -> String {
    if when.is_empty() { then.to_owned() } else { format!("{when} {then}") }
}

fn joined(mut words: Words) -> Result<String> {
    words.sort_by_key(|(position, _)| *position);
    words.dedup_by(|a, b| a == b && a.0 != Position::Match);
    let twice = words.iter().zip(words.iter().skip(1)).find(|(a, b)| a.0 == b.0 && a.0 != Position::Match);
    if let Some(((_, first), (_, second))) = twice {
        bail!("a rule of iptables takes one of {first:?} and {second:?}");
    }
    Ok(words.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "))
}

/// The set of flows that a rule fills, or that it asks whether a flow is new to.
fn counted(rule: &Rule) -> Option<FlowSet> {
    let asked = rule.when.iter().find_map(|condition| match condition {
        Condition::NewTo(name) => FlowSet::named(name),
        _ => None,
    });
    match &rule.verdict {
        Verdict::Record(name) => FlowSet::named(name),
        _ => asked,
    }
}

/// The budget that a rule asks about.
pub(super) fn budget(rule: &Rule) -> Option<Budget> {
    rule.when.iter().find_map(|condition| match condition {
        Condition::Spent(name) => Budget::named(name),
        _ => None,
    })
}

/// `accept` goes back to the kernel's own chain, where other programs' rules may still have their say: this
/// moat only ever takes away.
fn target(verdict: &Verdict) -> Result<String> {
    Ok(match verdict {
        Verdict::Accept => "-j RETURN".to_owned(),
        Verdict::Drop => "-j DROP".to_owned(),
        Verdict::Reject(_) => bail!("iptables answers nobody in the table mangle"),
        Verdict::Goto(name) => format!("-g {}", chain(name)?),
        Verdict::Record(name) => format!("-j SET --add-set {} src,dst,dst", set(name)),
        Verdict::Remember(_) => bail!("iptables keeps no pairs that were judged"),
    })
}

/// The ways in which a condition can hold; none, if it is about the other family.
fn alternatives(condition: &Condition, counted: Option<&FlowSet>, family: Family) -> Result<Vec<Words>> {
    let v6 = family == Family::V6;
    Ok(match condition {
        Condition::From(bridge) => one(Position::From, format!("-i {bridge}")),
        Condition::NotFrom(bridge) => one(Position::From, format!("! -i {bridge}")),
        Condition::Into(bridge) => one(Position::Into, format!("-o {bridge}")),
        Condition::Source(nets) => addresses(Position::Source, "-s", nets, family),
        Condition::SourceOutside(net) => addresses(Position::Source, "! -s", std::slice::from_ref(net), family),
        Condition::Destination(nets) => addresses(Position::Destination, "-d", nets, family),
        Condition::SourceIn(name) if syntax::family_of_set(name) == family && SetName::named(name).is_some() => {
            one(Position::Match, format!("-m set --match-set {} src", set(name)))
        }
        Condition::DestinationIn(name) if syntax::family_of_set(name) == family && SetName::named(name).is_some() => {
            one(Position::Match, format!("-m set --match-set {} dst", set(name)))
        }
        Condition::Icmpv6(kinds) if v6 => kinds.iter().map(|kind| icmpv6(kind)).collect::<Result<_>>()?,
        Condition::HopLimit(limit) if v6 => one(Position::Match, format!("-m hl --hl-eq {limit}")),
        Condition::Port(port) => vec![vec![
            (Position::Protocol, format!("-p {}", port.transport)),
            (Position::Match, format!("-m {} --dport {}", port.transport, port.number)),
        ]],
        Condition::HasPorts(true) => {
            PORTED.iter().flat_map(|word| one(Position::Protocol, format!("-p {}", protocol(word)))).collect()
        }
        Condition::HasPorts(false) => without_ports(counted)?,
        // iptables cannot look for one option among others: a header that is longer than its 20 bytes has some. What is
        // stricter than planned lets nothing by (RFC 7126: hosts have no use for them).
        Condition::IpOption(_) if !v6 => one(Position::Match, "-m u32 --u32 0x0>>0x18&0xf=0x6:0xf".to_owned()),
        Condition::RoutingHeader if v6 => one(Position::Match, "-m ipv6header --header ipv6-route --soft".to_owned()),
        Condition::Answer => one(Position::Match, "-m conntrack --ctdir REPLY".to_owned()),
        Condition::Belongs => one(Position::Match, "-m conntrack --ctstate ESTABLISHED".to_owned()),
        Condition::NewTo(name) if FlowSet::named(name).is_some_and(|set| set.family == family) => {
            one(Position::Match, unknown_to(name))
        }
        Condition::Transport(_) | Condition::AtMost(_) | Condition::SourceUnicast => bail!("it is of an answer"),
        Condition::Judged(_) | Condition::Bare(_) => bail!("iptables keeps no pairs that were judged"),
        // Said last, and in two rules: see `rules`.
        Condition::Spent(_) => vec![Vec::new()],
        Condition::SourceOwn => own("--src-type", family),
        Condition::DestinationOwn => own("--dst-type", family),
        Condition::SourceIn(_)
        | Condition::DestinationIn(_)
        | Condition::Icmpv6(_)
        | Condition::HopLimit(_)
        | Condition::IpOption(_)
        | Condition::NewTo(_)
        | Condition::RoutingHeader => Vec::new(),
    })
}

/// The one way to write a protocol, for what we load and for what is printed back. iptables knows most names by itself.
/// The one that it has to look up is written as a number.
pub(crate) fn protocol(word: &str) -> &str {
    match word {
        "dccp" | "33" => "33",
        "icmpv6" | "58" => "ipv6-icmp",
        other => other.parse().ok().and_then(ported).unwrap_or(other),
    }
}

fn one(position: Position, text: String) -> Vec<Words> {
    vec![vec![(position, text)]]
}

fn addresses(position: Position, option: &str, nets: &[String], family: Family) -> Vec<Words> {
    let of_family = nets.iter().filter(|net| syntax::family(net) == family);
    of_family.map(|net| vec![(position, format!("{option} {net}"))]).collect()
}

/// What the host takes in itself. Over IPv6 the kernel takes several types in one match for a demand that all of them
/// hold. It knows no broadcast.
fn own(option: &str, family: Family) -> Vec<Words> {
    let words = |types: &str| vec![(Position::Match, format!("-m addrtype {option} {}", types.to_ascii_uppercase()))];
    match family {
        Family::V4 => vec![words(&OWN.join(","))],
        Family::V6 => OWN.iter().filter(|kind| **kind != "broadcast").map(|kind| words(kind)).collect(),
    }
}

/// Types of `ICMPv6` by number (RFC 4861, RFC 2710, RFC 3810).
fn icmpv6(kind: &str) -> Result<Words> {
    let number = match kind {
        "nd-router-solicit" => 133,
        "nd-neighbor-solicit" => 135,
        "nd-neighbor-advert" => 136,
        "mld-listener-report" => 131,
        "mld-listener-done" => 132,
        "mld2-listener-report" => 143,
        other => bail!("{other:?} is no ICMPv6 type of the moat's"),
    };
    Ok(vec![
        (Position::Protocol, "-p ipv6-icmp".to_owned()),
        (Position::Match, format!("-m icmp6 --icmpv6-type {number}")),
    ])
}

/// iptables cannot match "none of these protocols". The rule before this one puts flows with ports into a set. This one
/// asks for those that are not in there. A flow that the set had no room for matches, too.
fn without_ports(counted: Option<&FlowSet>) -> Result<Vec<Words>> {
    let set = counted.context("iptables knows protocols without ports only where flows are counted")?;
    let ported = FlowSet { ported: true, ..set.clone() };
    Ok(one(Position::Match, unknown_to(&ported.name())))
}

/// The flow is not in this set; asked without counting it there.
fn unknown_to(name: &str) -> String {
    format!("-m set ! --match-set {} src,dst,dst ! --update-counters", set(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;

    fn said(id: &str, family: Family) -> Vec<String> {
        let plan = plan();
        let rule = plan.rules.iter().find(|rule| rule.id == id).unwrap();
        rules(rule, family).unwrap().iter().map(|(when, then)| line(when, then)).collect()
    }

    #[test]
    fn a_rule_is_said_to_the_family_that_it_is_about_and_to_no_other() {
        assert_eq!(said("cell/source4", Family::V4), ["! -s 172.30.1.0/24 -g netguard-refuse-cell"]);
        assert!(said("cell/source4", Family::V6).is_empty());
        assert_eq!(
            said("cell/special6", Family::V6),
            ["-m set --match-set netguard-special6 dst -g netguard-refuse-cell"]
        );
        assert!(said("cell/special6", Family::V4).is_empty());
        for family in Family::BOTH {
            assert_eq!(said("cell/out", family), ["-i br-cell -g netguard-net-cell"]);
            assert_eq!(said("cell/in", family), ["! -i br-cell -o br-cell -g netguard-inward"]);
            assert_eq!(
                said("cell/answers", family),
                ["-m conntrack --ctdir REPLY -m conntrack --ctstate ESTABLISHED -j RETURN"]
            );
            assert_eq!(said("cell/refuse/drop", family), ["-j DROP"]);
        }
    }

    #[test]
    fn alternatives_become_rules_of_their_own() {
        assert_eq!(said("cell/neighbours", Family::V6).len(), 2 * 3 * 3);
        assert_eq!(said("cell/chatter", Family::V6).len(), 4);
        assert_eq!(
            said("cell/host", Family::V6),
            ["LOCAL", "ANYCAST", "MULTICAST"]
                .map(|kind| format!("-m addrtype --dst-type {kind} -g netguard-refuse-cell"))
        );
        assert_eq!(
            said("cell/host", Family::V4),
            ["-m addrtype --dst-type LOCAL,BROADCAST,ANYCAST,MULTICAST -g netguard-refuse-cell"]
        );
    }

    #[test]
    fn every_rule_of_the_plan_is_said_to_one_family_at_least() {
        for rule in &crate::backend::iptables::adapted(&plan()).rules {
            let both: Vec<_> = Family::BOTH.into_iter().flat_map(|family| rules(rule, family).unwrap()).collect();
            assert!(!both.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn a_new_flow_is_held_against_its_senders_budget_and_a_known_one_is_not() {
        let unknown = "-m set ! --match-set netguard-flows4-cell src,dst,dst ! --update-counters";
        let spent = said("cell/refuse/spent-flows4", Family::V4);
        assert_eq!(spent.len(), 2 * PORTED.len());
        let budget = "--match-set netguard-budget4-cell src";
        assert_eq!(
            spent[..2],
            [
                format!("-p tcp {unknown} -m set {budget} --packets-gt 2948 -j DROP"),
                format!(
                    "-p tcp {unknown} -m set ! {budget} ! --update-counters -j SET --add-set netguard-budget4-cell src"
                ),
            ]
        );
        assert!(said("cell/refuse/spent-flows4", Family::V6).is_empty());
        let others = said("cell/refuse/spent-other6", Family::V6);
        assert!(others[0].starts_with("-m set ! --match-set netguard-flows6-cell src,dst,dst ! --update-counters -m set ! --match-set netguard-other6-cell "));
        assert!(others[0].ends_with("--match-set netguard-budget6-cell src --packets-gt 2948 -j DROP"));
    }

    #[test]
    fn protocols_without_ports_are_asked_about_behind_the_rule_that_takes_those_with_ports() {
        let adapted = crate::backend::iptables::adapted(&plan());
        let words: Vec<&str> =
            adapted.rules_of("refuse-cell").map(|rule| rule.id.trim_start_matches("cell/refuse/")).collect();
        let order = ["flows4", "flows6", "other4", "other6"].map(|word| [format!("spent-{word}"), word.to_owned()]);
        assert_eq!(words[..8], order.concat());
        assert_eq!(words[8..], ["drop"]);
    }

    #[test]
    fn what_iptables_cannot_say_is_an_error_and_no_other_rule() {
        let rule = |when: Vec<Condition>| Rule {
            id: "cell/odd".to_owned(),
            role: crate::rules::role::Role::Other,
            chain: "net-cell".to_owned(),
            when,
            verdict: Verdict::Drop,
            meaning: String::new(),
        };
        let twice = rule(vec![Condition::From("br-a".to_owned()), Condition::NotFrom("br-b".to_owned())]);
        assert!(rules(&twice, Family::V4).is_err());
        assert!(rules(&rule(vec![Condition::HasPorts(false)]), Family::V4).is_err());
        assert!(chain("net-a-network-with-a-very-long-name").is_err());
    }
}
