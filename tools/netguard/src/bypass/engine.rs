//! Findings on Docker: networks that lie elsewhere, containers with a way beside the moat, a daemon that is to leave
//! out its part.

use policy::Network;
use record::Outcome;

use super::facts::{Daemon, DockerContainer, DockerNetwork, Engine, Fact, Facts};
use super::{About, Bypass, Finding};

/// The gateway modes in which Docker does not keep the outside off unpublished ports, or off those published on
/// loopback.
const OPEN: [&str; 2] = ["routed", "nat-unprotected"];

/// Where a network of the policy is. A bridge that does not exist is no fault as long as Docker has the network
/// nowhere. The rules wait for it, which is what they are loaded early for. Where Docker does not answer, nobody can
/// tell, unless the bridge is there.
pub(crate) fn bridge(network: &Network, facts: &Facts) -> Finding {
    let about = About::Network(network.name.to_string());
    let bridge = network.bridge.as_str();
    let link = match facts.link(bridge) {
        Err(why) => return Finding::new(Bypass::BridgeMissing, about, Outcome::Unknown, why),
        Ok(link) => link,
    };
    let elsewhere = facts.engine.as_ref().map(|engine| elsewhere(network, engine));
    match (elsewhere, link) {
        (Ok(Some(found)), _) => {
            let on = found.bridge.as_deref().unwrap_or("no bridge");
            let reason = format!("Docker's network {} has its subnet, on {on} and not on {bridge}", found.name);
            Finding::new(Bypass::NetworkElsewhere, about, Outcome::Failure, reason)
        }
        (Ok(None), Some(_)) => {
            Finding::new(Bypass::BridgeMissing, about, Outcome::Success, format!("{bridge} is there"))
        }
        (Ok(None), None) => {
            let reason =
                format!("{bridge} does not exist yet, and Docker has the network nowhere else; the rules wait");
            Finding::new(Bypass::BridgeMissing, about, Outcome::Success, reason)
        }
        (Err(why), Some(_)) => Finding::new(Bypass::NetworkElsewhere, about, Outcome::Unknown, why.as_str()),
        (Err(why), None) => Finding::new(Bypass::BridgeMissing, about, Outcome::Unknown, why.as_str()),
    }
}

/// A network of Docker's that has this one's name or its addresses, and another bridge.
fn elsewhere<'a>(network: &Network, engine: &'a Engine) -> Option<&'a DockerNetwork> {
    let overlaps = |found: &DockerNetwork| {
        let ours = network.subnets();
        found.subnets.iter().any(|net| ours.iter().any(|own| own.contains(net) || net.contains(own)))
    };
    engine.networks.iter().find(|found| {
        (found.name == network.docker_name() || overlaps(found))
            && found.bridge.as_deref() != Some(network.bridge.as_str())
    })
}

/// Whether Docker was told to let the LAN route to a network's members, whatever they publish. Engines before 27
/// keep the setting and do nothing by it; whoever upgrades gets what it says.
pub(crate) fn routing(network: &Network, facts: &Facts) -> Finding {
    let seen = facts.engine.as_ref().map_err(Clone::clone).map(|engine| {
        let bridge = Some(network.bridge.as_str());
        let found = engine.networks.iter().find(|found| found.bridge.as_deref() == bridge);
        let Some(found) = found else { return (false, "Docker does not have the network".to_owned()) };
        let open = found.modes.iter().find(|mode| OPEN.contains(&mode.as_str()));
        let said = |mode: &String| format!("Docker's network {} was made with gateway_mode {mode}", found.name);
        (open.is_some(), open.map_or_else(|| format!("Docker filters what comes in to {}", found.name), said))
    });
    Finding::from(Bypass::DockerDirectRouting, About::Network(network.name.to_string()), seen)
}

/// Whether a container behind the moat, or the cell itself, is also somewhere else.
pub(crate) fn containers(cell: &str, networks: &[&Network], facts: &Facts) -> Vec<Finding> {
    let engine = match &facts.engine {
        Ok(engine) => engine,
        Err(why) => {
            let about = About::Container(cell.to_owned());
            return vec![Finding::new(Bypass::ContainerUnguarded, about, Outcome::Unknown, why.as_str())];
        }
    };
    let guarded = |network: &DockerNetwork| {
        network.bridge.as_ref().is_some_and(|bridge| networks.iter().any(|own| own.bridge.as_str() == bridge))
    };
    let mut findings = Vec::new();
    for container in &engine.containers {
        let on = on(container, engine);
        // A container without any network, and one that is no concern of the policy's.
        if container.name != cell && !on.iter().any(|network| guarded(network)) {
            continue;
        }
        let beside: Vec<&str> = on
            .iter()
            .filter(|network| !guarded(network) && network.driver != "null")
            .map(|network| network.name.as_str())
            .collect();
        let seen = match beside.is_empty() {
            true => (false, format!("{} networks, all of them guarded or none at all", on.len())),
            false => (true, format!("{} is also on {}", container.name, beside.join(", "))),
        };
        findings.push(Finding::from(Bypass::ContainerUnguarded, About::Container(container.name.clone()), Ok(seen)));
    }
    if !engine.containers.iter().any(|container| container.name == cell) {
        let about = About::Container(cell.to_owned());
        findings.push(Finding::new(Bypass::ContainerUnguarded, about, Outcome::Success, "it does not run"));
    }
    findings
}

/// The networks a container is on, its own or those of the container whose namespace it shares.
fn on<'a>(container: &DockerContainer, engine: &'a Engine) -> Vec<&'a DockerNetwork> {
    let owner = container.guest_of.as_ref().and_then(|id| engine.containers.iter().find(|other| other.id == *id));
    let ids = &owner.unwrap_or(container).networks;
    engine.networks.iter().filter(|network| ids.contains(&network.id)).collect()
}

/// The containers whose interface is a port of a bridge, guests included.
pub(crate) fn members<'a>(bridge: &str, engine: &'a Engine) -> Vec<&'a DockerContainer> {
    let here = |network: &&DockerNetwork| network.bridge.as_deref() == Some(bridge);
    engine.containers.iter().filter(|container| on(container, engine).iter().any(here)).collect()
}

/// How the daemon was started.
pub(crate) fn daemon(facts: &Facts) -> Vec<Finding> {
    let daemon =
        facts.engine.as_ref().map_err(Clone::clone).and_then(|engine| engine.daemon.as_ref().map_err(Clone::clone));
    let option =
        |bypass, option: &str| Finding::from(bypass, About::Host, daemon.clone().map(|it| start_option(it, option)));
    let rootless = facts.engine.as_ref().map_err(Clone::clone).and_then(|engine| engine.rootless.clone());
    let rootless =
        rootless.map(|is| (is, format!("Docker tells that it is {}", if is { "rootless" } else { "root's" })));
    vec![
        Finding::from(Bypass::DockerRootless, About::Host, rootless),
        option(Bypass::DockerAcceptFwmark, "bridge-accept-fwmark"),
        option(Bypass::DockerDirectRouting, "allow-direct-routing"),
        Finding::from(Bypass::DockerNoRaw, About::Host, no_raw(&daemon)),
    ]
}

fn start_option(daemon: &Daemon, option: &str) -> (bool, String) {
    let flag = format!("--{option}");
    let given = |argument: &String| match argument.strip_prefix(flag.as_str()) {
        Some(rest) => {
            rest.is_empty() || rest.strip_prefix('=').is_some_and(|value| !["", "false", "0"].contains(&value))
        }
        None => false,
    };
    if daemon.arguments.iter().any(given) {
        return (true, format!("dockerd was started with {flag}"));
    }
    if daemon.configured.iter().any(|key| key == option) {
        return (true, format!("dockerd's configuration has {option}"));
    }
    (false, format!("dockerd was told nothing of {option}"))
}

fn no_raw(daemon: &Fact<&Daemon>) -> Fact<(bool, String)> {
    let name = "DOCKER_INSECURE_NO_IPTABLES_RAW";
    let set = daemon.clone()?.variables.iter().any(|variable| variable == name);
    Ok((set, format!("{name} is {} in dockerd's environment", if set { "set" } else { "not set" })))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::facts::tests::{clean, container};
    use super::*;
    use crate::rules::plan::tests::shipped;

    fn found(facts: &Facts, outcome: Outcome) -> Vec<(&'static str, About)> {
        let findings = check(&shipped(), facts);
        let such = findings.into_iter().filter(|finding| finding.outcome == outcome);
        such.map(|finding| (finding.bypass.entry().id, finding.about)).collect()
    }

    fn with(change: impl FnOnce(&mut Engine)) -> Facts {
        let mut facts = clean();
        change(facts.engine.as_mut().unwrap());
        facts
    }

    fn beside(name: &str, driver: &str) -> DockerNetwork {
        DockerNetwork {
            id: format!("id-{name}"),
            name: name.to_owned(),
            driver: driver.to_owned(),
            bridge: (driver == "bridge").then(|| format!("br-{name}")),
            subnets: vec!["10.9.0.0/24".parse().unwrap()],
            icc: true,
            modes: Vec::new(),
        }
    }

    #[test]
    fn a_network_on_another_bridge_is_told_by_its_name_and_by_its_addresses() {
        let cell = About::Network("cell".to_owned());
        for change in [
            |network: &mut DockerNetwork| network.bridge = Some("br-0123456789ab".to_owned()),
            |network: &mut DockerNetwork| {
                (network.name, network.bridge) = ("odd".to_owned(), Some("br-odd".to_owned()));
            },
            |network: &mut DockerNetwork| {
                (network.subnets, network.bridge) = (Vec::new(), Some("br-odd".to_owned()));
            },
        ] {
            let facts = with(|engine| change(&mut engine.networks[0]));
            assert!(found(&facts, Outcome::Failure).contains(&("network-elsewhere", cell.clone())));
        }
    }

    #[test]
    fn a_bridge_that_is_not_there_yet_is_no_fault_unless_nobody_can_tell_why() {
        let mut facts = with(|engine| engine.networks.retain(|network| network.id != "id-cell"));
        facts.links.as_mut().unwrap().retain(|link| link.name != "br-cell");
        assert!(found(&facts, Outcome::Failure).is_empty());
        assert!(found(&facts, Outcome::Success).contains(&("bridge-missing", About::Network("cell".to_owned()))));
        facts.engine = Err("no engine".to_owned());
        assert!(found(&facts, Outcome::Unknown).contains(&("bridge-missing", About::Network("cell".to_owned()))));
    }

    #[test]
    fn a_member_that_is_also_elsewhere_is_told_and_a_stranger_to_the_policy_is_not() {
        let facts = with(|engine| {
            engine.networks.push(beside("lan", "macvlan"));
            engine.networks.push(beside("none", "null"));
            engine.containers.push(container("gate", &["id-cell", "id-lan"]));
            engine.containers.push(container("stranger", &["id-lan"]));
            engine.containers.push(container("cell", &["id-none"]));
        });
        let unguarded = ("container-unguarded", About::Container("gate".to_owned()));
        assert_eq!(found(&facts, Outcome::Failure), [unguarded]);
    }

    #[test]
    fn the_cell_is_told_wherever_it_is_and_also_as_the_guest_of_a_stranger() {
        let about = ("container-unguarded", About::Container("cell".to_owned()));
        let alone = with(|engine| {
            engine.networks.push(beside("host", "host"));
            engine.containers.push(container("cell", &["id-host"]));
        });
        assert_eq!(found(&alone, Outcome::Failure), std::slice::from_ref(&about));
        let guest = with(|engine| {
            engine.networks.push(beside("lan", "bridge"));
            engine.containers.push(container("stranger", &["id-lan"]));
            let guest_of = Some("id-stranger".to_owned());
            engine.containers.push(DockerContainer { guest_of, ..container("cell", &[]) });
        });
        assert_eq!(found(&guest, Outcome::Failure), [about]);
    }

    #[test]
    fn a_network_to_which_docker_lets_the_lan_route_is_told() {
        let mode = |mode: &str| with(|engine| engine.networks[0].modes = vec!["nat".to_owned(), mode.to_owned()]);
        let cell = About::Network("cell".to_owned());
        for open in ["routed", "nat-unprotected"] {
            assert_eq!(found(&mode(open), Outcome::Failure), [("docker-direct-routing", cell.clone())]);
        }
        assert!(found(&mode("isolated"), Outcome::Failure).is_empty());
    }

    #[test]
    fn a_daemon_that_was_told_to_look_away_is_told_by_flag_file_and_variable() {
        let daemon = |daemon: Daemon| found(&with(|engine| engine.daemon = Ok(daemon)), Outcome::Failure);
        let arguments = |text: &str| Daemon { arguments: vec![text.to_owned()], ..Daemon::default() };
        let host = |id| vec![(id, About::Host)];
        assert_eq!(daemon(arguments("--bridge-accept-fwmark=0x1/0x3")), host("docker-accept-fwmark"));
        assert_eq!(daemon(arguments("--allow-direct-routing")), host("docker-direct-routing"));
        assert!(daemon(arguments("--allow-direct-routing=false")).is_empty());
        let configured = vec!["bridge-accept-fwmark".to_owned()];
        assert_eq!(daemon(Daemon { configured, ..Daemon::default() }), host("docker-accept-fwmark"));
        let variables = vec!["DOCKER_INSECURE_NO_IPTABLES_RAW".to_owned()];
        assert_eq!(daemon(Daemon { variables, ..Daemon::default() }), host("docker-no-raw"));
        assert_eq!(found(&with(|engine| engine.rootless = Ok(true)), Outcome::Failure), host("docker-rootless"));
        let unknown = with(|engine| engine.daemon = Err("no process".to_owned()));
        assert_eq!(found(&unknown, Outcome::Unknown).len(), 3);
    }
}
