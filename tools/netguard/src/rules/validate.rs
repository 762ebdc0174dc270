//! Checks a rule that came from outside, so that only words of the moat's own reach nft.
//!
//! A planned line may be filtered or edited on its way through a pipe. It can name only known sets, plain bridge names,
//! canonical ranges and chains of the plan. Each word is held against what it may be; none is cleaned up.

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use policy::BridgeName;
use record::cellblock::{MoatAnswer as Answer, MoatCondition as Condition, MoatVerdict as Verdict};

use crate::rules::address_set::SetName;
use crate::rules::rule::Rule;
use crate::rules::syntax::family;
use crate::rules::table::{Budget, FORWARD, FlowSet, HOST, INPUT, INWARD, LOOPBACK, NET, PREROUTING, Pairs, REFUSE};

/// The longest comment that nft takes is 128 bytes; ours are ids.
const LONGEST_ID: usize = 127;
/// The longest chain name taken.
const LONGEST_CHAIN: usize = 64;
const ICMPV6: [&str; 6] = [
    "nd-neighbor-solicit",
    "nd-neighbor-advert",
    "nd-router-solicit",
    "mld-listener-report",
    "mld-listener-done",
    "mld2-listener-report",
];

/// Whether every word of a rule is one of the moat's.
///
/// # Errors
/// The first word that is not, with what would have been one.
pub(crate) fn check(rule: &Rule) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-.:".contains(&byte);
    ensure!(
        !rule.id.is_empty() && rule.id.len() <= LONGEST_ID && rule.id.bytes().all(plain),
        "{:?} is no id of a rule",
        rule.id
    );
    chain(&rule.chain)?;
    for condition in &rule.when {
        word(condition).with_context(|| format!("rule {}", rule.id))?;
        if let Condition::Judged(set) = condition {
            pairs(rule, set)?;
        }
    }
    match &rule.verdict {
        Verdict::Accept | Verdict::Drop | Verdict::Reject(Answer::AdminProhibited) => Ok(()),
        Verdict::Reject(Answer::TcpReset) => {
            let tcp = rule.when.contains(&Condition::Transport("tcp".to_owned()));
            ensure!(tcp, "rule {} resets what it does not know to be tcp", rule.id);
            Ok(())
        }
        Verdict::Goto(target) => chain(target),
        Verdict::Record(set) => FlowSet::named(set).map(drop).with_context(|| format!("{set:?} is no set of flows")),
        Verdict::Remember(set) => pairs(rule, set),
    }
}

/// The pairs of IPv4 are bits of a header. No other test of the rule makes sure that it is one of IPv4.
fn pairs(rule: &Rule, set: &str) -> Result<()> {
    let pairs = Pairs::named(set).with_context(|| format!("{set:?} is no set of pairs"))?;
    let bare = rule.when.contains(&Condition::Bare(pairs.version()));
    ensure!(bare, "rule {} names {set} and does not ask for packets of IPv{} first", rule.id, pairs.version());
    Ok(())
}

fn chain(name: &str) -> Result<()> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let known = [PREROUTING, FORWARD, INPUT, INWARD].contains(&name);
    ensure!(
        plain
            && name.len() <= LONGEST_CHAIN
            && (known || [NET, HOST, REFUSE].iter().any(|prefix| name.starts_with(prefix))),
        "{name:?} is no chain of the moat"
    );
    Ok(())
}

fn word(condition: &Condition) -> Result<()> {
    match condition {
        Condition::NotFrom(interface) if interface == LOOPBACK => {}
        Condition::From(bridge) | Condition::NotFrom(bridge) | Condition::Into(bridge) => {
            bridge.parse::<BridgeName>()?;
        }
        Condition::Source(nets) | Condition::Destination(nets) => ranges(nets)?,
        Condition::SourceOutside(net) => ranges(std::slice::from_ref(net))?,
        Condition::SourceIn(set) | Condition::DestinationIn(set) => {
            ensure!(SetName::named(set).is_some(), "{set:?} is no set of addresses");
        }
        Condition::Icmpv6(kinds) => {
            ensure!(kinds.len() > 1, "ICMPv6 types must be two at least");
            if let Some(kind) = kinds.iter().find(|kind| !ICMPV6.contains(&kind.as_str())) {
                bail!("{kind:?} is no ICMPv6 type of the moat's");
            }
        }
        Condition::Port(port) => {
            ensure!(["tcp", "udp"].contains(&port.transport.as_str()), "{:?} is neither tcp nor udp", port.transport);
            ensure!(port.number > 0, "port 0 is no port");
        }
        Condition::IpOption(name) => {
            ensure!(["lsrr", "ssrr"].contains(&name.as_str()), "{name:?} is no IP option of the moat's");
        }
        Condition::Transport(name) => ensure!(name == "tcp", "{name:?} is not tcp"),
        Condition::AtMost(packets) => ensure!(*packets > 0, "a limit of no packets lets nobody by"),
        Condition::Bare(version) => ensure!([4, 6].contains(version), "{version} is no version of IP"),
        Condition::NewTo(set) => ensure!(FlowSet::named(set).is_some(), "{set:?} is no set of flows"),
        Condition::Spent(set) => ensure!(Budget::named(set).is_some(), "{set:?} is no set of budgets"),
        Condition::Judged(_)
        | Condition::HopLimit(_)
        | Condition::HasPorts(_)
        | Condition::RoutingHeader
        | Condition::Answer
        | Condition::Belongs
        | Condition::SourceOwn
        | Condition::SourceUnicast
        | Condition::DestinationOwn => {}
    }
    Ok(())
}

/// One range at least, all canonical and of one family.
fn ranges(nets: &[String]) -> Result<()> {
    let first = nets.first().context("a condition on addresses names none")?;
    for net in nets {
        range(net)?;
        ensure!(family(net) == family(first), "{first} and {net} are not of one family");
    }
    Ok(())
}

/// A range in the one notation that it has: no host bits, a prefix, nothing else.
///
/// # Errors
/// If it is written in any other way.
pub(crate) fn range(text: &str) -> Result<IpNet> {
    let net: IpNet = text.parse().with_context(|| format!("{text:?} is no range such as 192.0.2.0/24"))?;
    ensure!(net == net.trunc() && net.to_string() == text, "{text:?} is not written as {}", net.trunc());
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::role::Role;
    use record::cellblock::MoatPort;

    fn with(condition: Condition) -> Rule {
        Rule {
            id: "cell/x".to_owned(),
            role: Role::Other,
            chain: "net-cell".to_owned(),
            when: vec![condition],
            verdict: Verdict::Drop,
            meaning: String::new(),
        }
    }

    #[test]
    fn what_could_end_a_word_of_nft_is_refused_wherever_it_stands() {
        for evil in [
            "x\" accept #",
            "a; flush ruleset",
            "}",
            "br\ncell",
            "",
            "@x",
            "10.0.0.0/8 accept",
            "10.0.0.1/8",
            "10.0.0.0/08",
        ] {
            let text = evil.to_owned();
            for condition in [
                Condition::From(text.clone()),
                Condition::NotFrom(text.clone()),
                Condition::Into(text.clone()),
                Condition::Source(vec![text.clone()]),
                Condition::SourceOutside(text.clone()),
                Condition::Destination(vec!["10.0.0.0/8".to_owned(), text.clone()]),
                Condition::SourceIn(text.clone()),
                Condition::DestinationIn(text.clone()),
                Condition::Icmpv6(vec!["nd-neighbor-solicit".to_owned(), text.clone()]),
                Condition::Port(MoatPort { transport: text.clone(), number: 1 }),
                Condition::IpOption(text.clone()),
                Condition::Judged(text.clone()),
            ] {
                assert!(check(&with(condition.clone())).is_err(), "{condition:?}");
            }
            let good = with(Condition::Answer);
            assert!(check(&Rule { id: format!("{evil}\""), ..good.clone() }).is_err());
            assert!(check(&Rule { chain: text.clone(), ..good.clone() }).is_err());
            assert!(check(&Rule { verdict: Verdict::Goto(text.clone()), ..good.clone() }).is_err());
            assert!(check(&Rule { verdict: Verdict::Record(text.clone()), ..good.clone() }).is_err());
            assert!(check(&Rule { verdict: Verdict::Remember(text), ..good }).is_err());
        }
    }

    #[test]
    fn pairs_of_ipv4_are_taken_from_headers_of_ipv4_alone() {
        for set in Pairs::BOTH {
            let judged = with(Condition::Judged(set.name()));
            let remember = Rule { when: vec![], verdict: Verdict::Remember(set.name()), ..judged.clone() };
            for rule in [judged, remember] {
                assert!(check(&rule).unwrap_err().to_string().contains("does not ask for packets of IPv"));
                let mut bare = rule;
                bare.when.push(Condition::Bare(10 - set.version()));
                assert!(check(&bare).is_err(), "the other version is not this one");
                bare.when.push(Condition::Bare(set.version()));
                assert!(check(&bare).is_ok());
            }
        }
    }

    #[test]
    fn two_families_in_one_condition_are_refused() {
        let mixed = Condition::Source(vec!["10.0.0.0/8".to_owned(), "fe80::/10".to_owned()]);
        assert!(check(&with(mixed)).is_err());
    }
}
