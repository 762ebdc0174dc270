//! Findings on what the policy promises: an open network reaches the internet. Rules that stand are no proof of it. A
//! firewall that was started again flushes what Docker needs, or forwards nothing of a bridge that it does not know.

use ipnet::IpNet;
use policy::{Class, Network};

use super::facts::{Facts, Known};
use super::nat::Printed;
use super::{About, Finding, Shadow};

/// Of an open network that Docker has: is there somebody who translates its sources, and nobody who refuses all of it?
/// A network that is not there yet has nothing to be promised.
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
    let look = |seen: fn(&Network, &[Printed]) -> (bool, String)| -> Known<(bool, String)> {
        if !there.clone()? {
            return Ok((false, "Docker has no such network yet".to_owned()));
        }
        Ok(seen(network, facts.outbound.as_deref().map_err(Clone::clone)?))
    };
    vec![
        Finding::from(Shadow::NoWayOut, about(), look(untranslated)),
        Finding::from(Shadow::FirewalldRefuses, about(), look(unknown_to_firewalld)),
    ]
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
    use super::*;
    use crate::plan::tests::shipped;
    use record::Outcome;

    fn found(text: &str, name: &str) -> Vec<Outcome> {
        let mut facts = clean();
        facts.outbound = Ok(vec![Printed { name: name.to_owned(), text: text.to_owned() }]);
        let policy = shipped();
        let network = policy.network("cell").unwrap();
        check(network, &facts).into_iter().map(|finding| finding.outcome).collect()
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
    fn a_network_that_is_not_there_yet_and_a_sealed_one_are_promised_nothing() {
        let mut facts = clean();
        facts.outbound = Ok(Vec::new());
        facts.engine.as_mut().unwrap().networks.clear();
        let policy = shipped();
        let outcomes = |name: &str| -> Vec<Outcome> {
            check(policy.network(name).unwrap(), &facts).into_iter().map(|finding| finding.outcome).collect()
        };
        assert_eq!(outcomes("cell"), [Outcome::Success, Outcome::Success]);
        assert!(outcomes("monitor").is_empty());
    }
}
