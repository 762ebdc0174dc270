//! Findings on what the policy promises: an open network reaches the internet. Rules that stand are no proof of it. A
//! firewall that was started again flushes what Docker needs. Or it forwards nothing of a bridge that it does not know.
//! Another program's rule may refuse what the moat lets by.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use policy::{Class, Network};
use record::Outcome;

use super::facts::{Fact, Facts};
use super::nat::Printed;
use super::refusal::{Fate, Packet, fate};
use super::{About, Bypass, Finding};

/// A name server of the internet that stands for all of it: nothing is sent there, its address is held against rules.
pub(super) const SOMEBODY: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);

/// What every open network may ask for: the port of a question, and of a page.
const ASKED: [(&str, u16); 2] = [("udp", 53), ("tcp", 443)];

impl Bypass {
    /// Is it about what the policy promises to a network, and not about what it keeps from it?
    pub(crate) fn is_promise(self) -> bool {
        matches!(self, Self::NoWayOut | Self::FirewalldRefuses | Self::RefusedElsewhere | Self::AnswersAstray)
    }
}

/// Checks an open network that Docker has: some rule must masquerade its sources, and none may refuse all of it. A
/// network that is not there yet gets no finding.
pub(super) fn check(network: &Network, facts: &Facts) -> Vec<Finding> {
    if network.class != Class::Open {
        return Vec::new();
    }
    let about = || About::Network(network.name.to_string());
    let there = facts
        .engine
        .as_ref()
        .map_err(Clone::clone)
        .map(|engine| engine.networks.iter().any(|found| found.bridge.as_deref() == Some(network.bridge.as_str())));
    let look = |seen: fn(&Network, &[Printed]) -> (bool, String)| -> Fact<(bool, String)> {
        if !there.clone()? {
            return Ok((false, "Docker has no such network yet".to_owned()));
        }
        Ok(seen(network, facts.outbound.as_deref().map_err(Clone::clone)?))
    };
    vec![
        Finding::from(Bypass::NoWayOut, about(), look(untranslated)),
        Finding::from(Bypass::FirewalldRefuses, about(), look(unknown_to_firewalld)),
        Finding::from(Bypass::AnswersAstray, about(), astray(network, &there, facts)),
        refused(network, there, facts),
    ]
}

/// Does the host send elsewhere what is for a member? A VPN whose way out takes all does, unless it leaves local
/// networks out.
fn astray(network: &Network, there: &Fact<bool>, facts: &Facts) -> Fact<(bool, String)> {
    if !there.clone()? {
        return Ok((false, "Docker has no such network yet".to_owned()));
    }
    let unasked = || Err("nobody asked the kernel for its route".to_owned());
    let found = facts.homeward.get(network.name.as_str()).cloned().unwrap_or_else(unasked)?;
    let bridge = network.bridge.as_str();
    Ok((found != bridge, format!("what is for {} goes to {found}, and its bridge is {bridge}", network.v4)))
}

/// Does a rule of another program refuse what the moat lets by?
fn refused(network: &Network, there: Fact<bool>, facts: &Facts) -> Finding {
    let finding = |outcome, reason: String| {
        Finding::new(Bypass::RefusedElsewhere, About::Network(network.name.to_string()), outcome, reason)
    };
    match there {
        Err(why) => return finding(Outcome::Unknown, why),
        Ok(false) => return finding(Outcome::Success, "Docker has no such network yet".to_owned()),
        Ok(true) => {}
    }
    let mut passed = "no rule of another program refuses it".to_owned();
    for (protocol, port) in ASKED {
        match asked(network, facts, protocol, port) {
            Err(why) => return finding(Outcome::Unknown, why),
            Ok(None) => "it has no IPv4 subnet".clone_into(&mut passed),
            Ok(Some(Fate::Passes)) => {}
            Ok(Some(Fate::Refused(rule))) => {
                return finding(Outcome::Failure, format!("{protocol} to port {port} is refused by {rule}"));
            }
            Ok(Some(Fate::Unclear(rule))) => {
                let reason =
                    format!("{protocol} to port {port} meets {rule}; a rule before it asks for what is not known here");
                return finding(Outcome::Unknown, reason);
            }
        }
    }
    finding(Outcome::Success, passed)
}

/// What becomes of a member's packet to the internet; `None` where the network has no IPv4.
fn asked(network: &Network, facts: &Facts, protocol: &'static str, port: u16) -> Fact<Option<Fate>> {
    let v4 = |net: &IpNet| if let IpNet::V4(net) = net { Some(*net) } else { None };
    let Some(source): Option<Ipv4Net> = network.subnets().iter().find_map(v4) else { return Ok(None) };
    let firewalls = facts.firewalls.as_deref().map_err(Clone::clone)?;
    let outbound = facts.uplink.as_deref().map_err(Clone::clone)?;
    let packet = Packet { inbound: network.bridge.as_str(), outbound, source, destination: SOMEBODY, protocol, port };
    fate(&packet, firewalls).map(Some)
}

/// Does nobody translate what the network's IPv4 members send? (Over IPv6 an engine before 27 does not, and says so.)
fn untranslated(network: &Network, tables: &[Printed]) -> (bool, String) {
    let Some(subnet) = network.subnets().into_iter().find(|subnet| matches!(subnet, IpNet::V4(_))) else {
        return (false, "it has no IPv4 subnet".to_owned());
    };
    match tables.iter().find(|table| table.text.lines().any(|line| translates(line, &subnet))) {
        Some(table) => (false, format!("the table {} translates {subnet}", table.name)),
        None => (true, format!("no table translates the sources of {subnet}")),
    }
}

/// A rule that translates sources: those of this range, or of everybody.
fn translates(line: &str, subnet: &IpNet) -> bool {
    let does = ["MASQUERADE", "masquerade", "-j SNAT", "snat to", "snat ip to"].iter().any(|word| line.contains(word));
    let named = line.split([' ', '"', ',', '{', '}']).any(|word| word == subnet.to_string());
    let chosen = ["-s ", "saddr"].iter().any(|word| line.contains(word));
    does && (named || !chosen)
}

/// firewalld refuses what it forwards between interfaces of no zone of its. Docker gives its bridges one when it starts
/// while firewalld runs, and not later.
fn unknown_to_firewalld(network: &Network, tables: &[Printed]) -> (bool, String) {
    let Some(table) = tables.iter().find(|table| table.name == "inet firewalld") else {
        return (false, "there is no firewalld".to_owned());
    };
    let bridge = network.bridge.as_str();
    let known = table.text.contains(&format!("\"{bridge}\""));
    (!known, format!("firewalld's rules {} {bridge}", if known { "name" } else { "do not name" }))
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::clean;
    use super::super::refusal::Firewall;
    use super::*;
    use crate::rules::plan::tests::shipped;

    fn found(text: &str, name: &str) -> Vec<Outcome> {
        let mut facts = clean();
        facts.outbound = Ok(vec![Printed { name: name.to_owned(), text: text.to_owned() }]);
        let policy = shipped();
        let network = policy.network("cell").unwrap();
        check(network, &facts).into_iter().map(|finding| finding.outcome).take(2).collect()
    }

    #[test]
    fn a_rule_of_a_stranger_that_refuses_the_bridge_is_told_with_its_words() {
        let mut facts = clean();
        facts.firewalls = Ok(vec![Firewall::Iptables(
            "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 172.30.1.0/24 -p tcp -j DROP\nCOMMIT\n".to_owned(),
        )]);
        let policy = shipped();
        let last = |name: &str| check(policy.network(name).unwrap(), &facts).pop().unwrap();
        assert_eq!(last("cell").outcome, Outcome::Failure);
        assert!(last("cell").reason.contains("-A FORWARD -s 172.30.1.0/24 -p tcp -j DROP"));
        assert_eq!(last("egress").outcome, Outcome::Success);
    }

    #[test]
    fn a_network_whose_sources_nobody_translates_has_no_way_out() {
        let docker = "-A POSTROUTING -s 172.30.1.0/24 ! -o br-cell -j MASQUERADE";
        assert_eq!(found(docker, "nat"), [Outcome::Success, Outcome::Success]);
        for text in [
            "",
            ":POSTROUTING ACCEPT [0:0]",
            "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
            "-A POSTROUTING -s 172.30.1.0/24 -j ACCEPT",
        ] {
            assert_eq!(found(text, "nat"), [Outcome::Failure, Outcome::Success], "{text}");
        }
        for text in [
            "\t\tip saddr 172.30.1.0/24 oifname != \"br-cell\" counter packets 4 bytes 240 masquerade",
            "\t\toifname \"eth0\" masquerade",
            "-A POSTROUTING -o eth0 -j SNAT --to-source 192.0.2.1",
        ] {
            assert_eq!(found(text, "ip nat")[0], Outcome::Success, "{text}");
        }
    }

    #[test]
    fn a_bridge_that_firewalld_does_not_know_is_refused_by_it() {
        let mut with = found("oifname \"docker0\" jump x", "inet firewalld");
        assert_eq!(with.pop(), Some(Outcome::Failure));
        let mut with = found("iifname \"br-cell\" goto filter_FWD_docker", "inet firewalld");
        assert_eq!(with.pop(), Some(Outcome::Success));
    }

    #[test]
    fn answers_that_the_host_sends_elsewhere_are_told_with_the_interface() {
        let mut facts = clean();
        facts.homeward.insert("cell".to_owned(), Ok("tailscale0".to_owned()));
        let policy = shipped();
        let astray = |name: &str| {
            let findings = check(policy.network(name).unwrap(), &facts);
            findings.into_iter().find(|finding| finding.bypass == Bypass::AnswersAstray).unwrap()
        };
        assert_eq!(astray("cell").outcome, Outcome::Failure);
        assert_eq!(astray("cell").reason, "what is for 172.30.1.0/24 goes to tailscale0, and its bridge is br-cell");
        assert_eq!(astray("egress").outcome, Outcome::Success);
    }

    #[test]
    fn a_network_that_is_not_there_yet_and_a_sealed_one_are_promised_nothing() {
        let mut facts = clean();
        facts.outbound = Ok(Vec::new());
        facts.engine.as_mut().unwrap().networks.clear();
        let policy = shipped();
        let outcomes = |name: &str| -> Vec<Outcome> {
            check(policy.network(name).unwrap(), &facts).into_iter().map(|finding| finding.outcome).collect()
        };
        assert_eq!(outcomes("cell"), [Outcome::Success; 4]);
        assert!(outcomes("monitor").is_empty());
    }
}
