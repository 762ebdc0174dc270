//! Findings on the kernel's own settings and interfaces.

use policy::Network;
use record::Outcome;

use super::facts::{Fact, Facts};
use super::{About, Bypass, Finding};
use crate::rules::address_set::Family;
use crate::rules::role::Role;
use crate::rules::table::{FORWARD, INWARD};

/// The settings that findings on a bridge and on the host rest on, as below `/proc/sys/net` with dots.
pub(crate) fn settings(bridge: &str) -> Vec<String> {
    let bridge = bridge.replace('.', "/");
    let mut names: Vec<String> = ["ipv4.ip_forward", "ipv6.conf.all.forwarding", "ipv4.conf.all.route_localnet"]
        .into_iter()
        .chain(["bridge.bridge-nf-call-iptables", "bridge.bridge-nf-call-ip6tables"])
        .map(str::to_owned)
        .collect();
    for place in ["all", bridge.as_str()] {
        for word in ["route_localnet", "rp_filter", "accept_source_route", "accept_redirects"] {
            names.push(format!("ipv4.conf.{place}.{word}"));
        }
    }
    names.push(format!("ipv4.conf.{bridge}.forwarding"));
    for word in ["accept_redirects", "accept_ra", "forwarding"] {
        names.push(format!("ipv6.conf.{bridge}.{word}"));
    }
    names
}

/// What concerns the whole machine, with these networks.
pub(crate) fn host<'a>(facts: &Facts, networks: impl Iterator<Item = &'a Network>) -> Vec<Finding> {
    let table = facts.table.clone().map(|there| {
        let seen = if there { "the table is there" } else { "the kernel has no table inet netguard" };
        (!there, seen.to_owned())
    });
    let moats = facts.moats.clone().map(|moats| match moats.as_slice() {
        [] => (false, "there is none".to_owned()),
        [one] => (false, format!("only {one} holds rules of it")),
        many => (true, format!("{} hold rules of it, and only one of them is looked after", many.join(" and "))),
    });
    let localnet = localnet(facts, networks);
    vec![
        Finding::from(Bypass::TableMissing, About::Host, table),
        Finding::from(Bypass::SecondMoat, About::Host, moats),
        Finding::from(Bypass::RouteLocalnet, About::Host, localnet),
        Finding::from(Bypass::ForwardPolicy, About::Host, forward_policy(facts)),
    ]
}

/// kube-proxy sets it for its own ports. What the host takes in from a member the moat refuses all the same. The moat
/// has no say in what comes from the LAN, and the finding says so.
fn localnet<'a>(facts: &Facts, networks: impl Iterator<Item = &'a Network>) -> Fact<(bool, String)> {
    let name = "net.ipv4.conf.all.route_localnet";
    if !switch(facts, "ipv4.conf.all.route_localnet")? {
        return Ok((false, format!("{name} is 0")));
    }
    let rules = networks.map(|network| Role::Host.id(network.name.as_str()));
    let missing: Vec<String> = rules.filter(|id| !facts.standing.contains(id)).collect();
    Ok(if missing.is_empty() {
        let lan = "whoever is on the LAN may reach what listens on loopback, and the moat has no say in that";
        (false, format!("{name} is 1, and every network's rule {} stands against it; {lan}", Role::Host.word()))
    } else {
        (true, format!("{name} is 1, and the kernel lacks rule {}", missing.join(", ")))
    })
}

/// While the moat stands, the policy of other chains is a second line; when it is gone, it is the only one.
fn forward_policy(facts: &Facts) -> Fact<(bool, String)> {
    let forwards = switch(facts, "ipv4.ip_forward")? || switch(facts, "ipv6.conf.all.forwarding")?;
    if !forwards {
        return Ok((false, "the host forwards nothing".to_owned()));
    }
    if facts.table.clone()? && facts.standing.contains(&Role::InwardRest.id(INWARD)) {
        return Ok((false, format!("the host forwards, and the moat's chain {FORWARD} stands")));
    }
    let dropping: Vec<String> = facts
        .forward
        .clone()?
        .into_iter()
        .filter(|chain| chain.drops)
        .map(|chain| format!("{} {}", chain.family, chain.table))
        .collect();
    let covers = |family: &str| {
        let word = |table: &String| table.split(' ').next().is_some_and(|found| found == family || found == "inet");
        dropping.iter().any(word)
    };
    Ok((
        !(covers("ip") && covers("ip6")),
        format!("the moat does not stand; tables that drop: {}", dropping.join(", ")),
    ))
}

/// What concerns one network, as far as its bridge is there.
pub(crate) fn network(network: &Network, facts: &Facts) -> Vec<Finding> {
    let about = || About::Network(network.name.to_string());
    let bridge = network.bridge.as_str();
    let every = [
        Bypass::ForeignPort,
        Bypass::StackedInterface,
        Bypass::LanOverBridge,
        Bypass::RouteLocalnet,
        Bypass::LooseSource,
        Bypass::SourceRoute,
        Bypass::Redirects,
        Bypass::RouterAdvertisements,
    ];
    match facts.link(bridge) {
        Err(why) => {
            every.into_iter().map(|bypass| Finding::new(bypass, about(), Outcome::Unknown, why.as_str())).collect()
        }
        Ok(None) => Vec::new(),
        Ok(Some(_)) => {
            every.into_iter().map(|bypass| Finding::from(bypass, about(), seen(bypass, network, facts))).collect()
        }
    }
}

fn seen(bypass: Bypass, network: &Network, facts: &Facts) -> Fact<(bool, String)> {
    let bridge = network.bridge.as_str();
    let exposed = match bypass {
        Bypass::ForeignPort => return foreign_port(bridge, facts),
        Bypass::StackedInterface => return stacked(bridge, facts),
        Bypass::LanOverBridge => return lan_over(network, facts),
        Bypass::RouteLocalnet => {
            let name = format!("ipv4.conf.{}.route_localnet", bridge.replace('.', "/"));
            // Docker sets it for its own published ports where it has no proxy. What the host itself takes in from a
            // member the moat refuses all the same.
            switch(facts, &name)?.then(|| format!("net.{name} is 1"))
        }
        Bypass::LooseSource => loose_source(bridge, facts)?,
        Bypass::SourceRoute => source_route(bridge, facts)?,
        Bypass::Redirects => redirects(bridge, facts)?,
        _ => router_advertisements(bridge, facts)?,
    };
    let rules: &[Role] = match bypass {
        Bypass::LooseSource => &[Role::Source(Family::V4), Role::Source(Family::V6)],
        Bypass::SourceRoute => &[Role::LooseRoute, Role::StrictRoute, Role::RoutingHeader],
        _ => &[Role::Host],
    };
    let Some(what) = exposed else { return Ok((false, "the kernel refuses them by itself".to_owned())) };
    let ids = rules.iter().map(|role| role.id(network.name.as_str()));
    let missing: Vec<String> = ids.filter(|id| !facts.standing.contains(id)).collect();
    Ok(if missing.is_empty() {
        let words: Vec<String> = rules.iter().map(|role| role.word()).collect();
        (false, format!("{what}, and rule {}/{} stands against it", network.name, words.join(", ")))
    } else {
        (true, format!("{what}, and the kernel lacks rule {}", missing.join(", ")))
    })
}

fn foreign_port(bridge: &str, facts: &Facts) -> Fact<(bool, String)> {
    let ports = facts.ports(bridge)?;
    let foreign: Vec<String> = ports
        .iter()
        .filter(|port| port.kind.as_deref() != Some("veth") || !port.away)
        .map(|port| format!("{} ({})", port.name, port.kind.as_deref().unwrap_or("hardware")))
        .collect();
    Ok(match foreign.is_empty() {
        true => (false, format!("{} ports, all of them cables into other namespaces", ports.len())),
        false => (true, format!("{bridge} has {} as a port", foreign.join(", "))),
    })
}

fn stacked(bridge: &str, facts: &Facts) -> Fact<(bool, String)> {
    let Some(found) = facts.link(bridge)? else { return Ok((false, "there is no bridge".to_owned())) };
    let links = facts.links.as_ref().map_err(Clone::clone)?;
    let on_top: Vec<&str> =
        links.iter().filter(|link| link.lower == Some(found.index)).map(|link| link.name.as_str()).collect();
    Ok(match on_top.is_empty() {
        true => (false, format!("nothing stands on {bridge}")),
        false => (true, format!("{} stands on {bridge}", on_top.join(", "))),
    })
}

/// Docker's own networks are looked at by what Docker tells.
fn lan_over(network: &Network, facts: &Facts) -> Fact<(bool, String)> {
    let over = facts.over.as_ref().map_err(Clone::clone)?.get(network.name.as_str());
    Ok(match over {
        Some(seen) => (true, seen.clone()),
        None => (false, "no other interface is in its range".to_owned()),
    })
}

/// Whether a setting is there and not zero.
fn switch(facts: &Facts, name: &str) -> Fact<bool> {
    Ok(facts.setting(name)?.is_some_and(|value| value != 0))
}

fn of_bridge(bridge: &str, family: &str, word: &str) -> String {
    format!("{family}.conf.{}.{word}", bridge.replace('.', "/"))
}

/// The larger of the two values counts (`Documentation/networking/ip-sysctl.rst`); only 1 is strict.
fn loose_source(bridge: &str, facts: &Facts) -> Fact<Option<String>> {
    let all = facts.setting("ipv4.conf.all.rp_filter")?.unwrap_or(0);
    let own = facts.setting(&of_bridge(bridge, "ipv4", "rp_filter"))?.unwrap_or(0);
    let value = all.max(own);
    Ok((value != 1).then(|| format!("rp_filter of {bridge} is {value}")))
}

/// Both values must allow it.
fn source_route(bridge: &str, facts: &Facts) -> Fact<Option<String>> {
    let all = switch(facts, "ipv4.conf.all.accept_source_route")?;
    let own = switch(facts, &of_bridge(bridge, "ipv4", "accept_source_route"))?;
    Ok((all && own).then(|| format!("accept_source_route of {bridge} is 1")))
}

/// IPv4: both values where the interface forwards, either where it does not. IPv6: where it does not forward.
fn redirects(bridge: &str, facts: &Facts) -> Fact<Option<String>> {
    let all = switch(facts, "ipv4.conf.all.accept_redirects")?;
    let own = switch(facts, &of_bridge(bridge, "ipv4", "accept_redirects"))?;
    let forwards = switch(facts, &of_bridge(bridge, "ipv4", "forwarding"))?;
    let four = if forwards { all && own } else { all || own };
    let six = switch(facts, &of_bridge(bridge, "ipv6", "accept_redirects"))?
        && !switch(facts, &of_bridge(bridge, "ipv6", "forwarding"))?;
    let families = match (four, six) {
        (false, false) => return Ok(None),
        (true, false) => "IPv4",
        (false, true) => "IPv6",
        (true, true) => "IPv4 and IPv6",
    };
    Ok(Some(format!("{bridge} takes redirects over {families}")))
}

/// 1: where the interface does not forward. 2: always.
fn router_advertisements(bridge: &str, facts: &Facts) -> Fact<Option<String>> {
    let value = facts.setting(&of_bridge(bridge, "ipv6", "accept_ra"))?.unwrap_or(0);
    let forwards = switch(facts, &of_bridge(bridge, "ipv6", "forwarding"))?;
    Ok((value == 2 || (value == 1 && !forwards)).then(|| format!("accept_ra of {bridge} is {value}")))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::facts::tests::clean;
    use super::super::facts::{Facts, ForwardChain};
    use super::*;
    use crate::host::interfaces::Link;
    use crate::rules::plan::tests::shipped;

    /// What is wrong on this machine, as `id network`.
    fn wrong(facts: &Facts) -> Vec<String> {
        let findings = check(&shipped(), facts);
        let wrong = findings.iter().filter(|finding| finding.outcome == Outcome::Failure);
        wrong
            .map(|finding| match &finding.about {
                About::Host => finding.bypass.entry().id.to_owned(),
                About::Network(name) | About::Container(name) => format!("{} {name}", finding.bypass.entry().id),
            })
            .collect()
    }

    fn with(name: &str, value: i64) -> Facts {
        let mut facts = clean();
        assert!(facts.settings.insert(name.to_owned(), Ok(Some(value))).is_some(), "{name} is never read");
        facts
    }

    fn without(mut facts: Facts, rule: &str) -> Facts {
        assert!(facts.standing.remove(rule), "{rule}");
        facts
    }

    #[test]
    fn a_table_that_is_gone_is_told_and_so_is_a_host_that_forwards_without_it() {
        let mut facts = with("ipv4.ip_forward", 1);
        assert!(wrong(&facts).is_empty());
        facts.table = Ok(false);
        assert_eq!(wrong(&facts), ["table-missing", "forward-policy"]);
        let drops = |family: &str| ForwardChain { family: family.to_owned(), table: "filter".to_owned(), drops: true };
        facts.forward = Ok(vec![drops("ip")]);
        assert_eq!(wrong(&facts), ["table-missing", "forward-policy"]);
        facts.forward = Ok(vec![drops("ip"), drops("ip6")]);
        assert_eq!(wrong(&facts), ["table-missing"]);
    }

    #[test]
    fn a_moat_that_another_backend_left_is_told() {
        let mut facts = clean();
        facts.moats = Ok(vec!["nft", "iptables (legacy variant)"]);
        assert_eq!(wrong(&facts), ["second-moat"]);
        facts.moats = Ok(vec!["iptables"]);
        assert!(wrong(&facts).is_empty());
    }

    #[test]
    fn loopback_that_is_routed_is_told_for_all_interfaces_and_for_one() {
        let all = || with("ipv4.conf.all.route_localnet", 1);
        assert!(wrong(&all()).is_empty(), "kube-proxy sets it, and the host rules make it harmless");
        assert!(wrong(&without(all(), "monitor/host")).contains(&"route-localnet".to_owned()));
        let bridge = || with("ipv4.conf.br-monitor.route_localnet", 1);
        assert!(wrong(&bridge()).is_empty(), "Docker sets it, and the host rule makes it harmless");
        assert!(wrong(&without(bridge(), "monitor/host")).contains(&"route-localnet monitor".to_owned()));
    }

    #[test]
    fn a_setting_that_a_rule_makes_harmless_is_found_when_the_rule_is_gone() {
        for (name, value, rule, id) in [
            ("ipv4.conf.br-cell.rp_filter", 2, "cell/source4", "loose-source cell"),
            ("ipv6.conf.br-cell.accept_ra", 2, "cell/host", "router-advertisements cell"),
            ("ipv6.conf.br-cell.accept_ra", 1, "cell/host", "router-advertisements cell"),
            ("ipv6.conf.br-cell.accept_redirects", 1, "cell/host", "redirects cell"),
            ("ipv4.conf.br-cell.accept_redirects", 1, "cell/host", "redirects cell"),
        ] {
            assert!(wrong(&with(name, value)).is_empty(), "{name}");
            assert_eq!(wrong(&without(with(name, value), rule)), [id], "{name}");
        }
        let mut routed = without(with("ipv4.conf.br-cell.accept_source_route", 1), "cell/strict-route");
        assert!(wrong(&routed).is_empty(), "one of two values is not enough");
        routed.settings.insert("ipv4.conf.all.accept_source_route".to_owned(), Ok(Some(1)));
        assert_eq!(wrong(&routed), ["source-route cell"]);
    }

    #[test]
    fn strict_sources_and_a_host_that_forwards_need_no_rule() {
        assert!(wrong(&without(with("ipv4.conf.all.rp_filter", 1), "cell/source4")).is_empty());
        let mut facts = without(with("ipv6.conf.br-cell.accept_ra", 1), "cell/host");
        facts.settings.insert("ipv6.conf.br-cell.forwarding".to_owned(), Ok(Some(1)));
        assert!(wrong(&facts).is_empty());
    }

    #[test]
    fn a_port_that_is_no_container_and_an_interface_on_top_are_told() {
        let link = |name: &str, kind: &str| Link {
            index: 99,
            name: name.to_owned(),
            kind: Some(kind.to_owned()).filter(|kind| !kind.is_empty()),
            ..Link::default()
        };
        let mut bridged = clean();
        bridged.links.as_mut().unwrap().push(Link { master: Some(10), ..link("eth0", "") });
        assert_eq!(wrong(&bridged), ["foreign-port cell"]);
        let mut cable = clean();
        cable.links.as_mut().unwrap().push(Link { master: Some(10), ..link("veth9", "veth") });
        assert_eq!(wrong(&cable), ["foreign-port cell"], "its other end is on this very host");
        let mut stacked = clean();
        stacked.links.as_mut().unwrap().push(Link { lower: Some(10), ..link("br-cell.5", "vlan") });
        assert_eq!(wrong(&stacked), ["stacked-interface cell"]);
    }
}
