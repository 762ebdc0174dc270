//! The plan: policy and surroundings in, probes out. No system call is made here.
//!
//! Each service has a seat. What its seat may reach decides its probes: an `open` network the
//! internet and nothing private, a client of the gate its listed names and nothing else.

mod draft;
mod engine;
mod gate;
mod internet;
mod names;
mod private;
mod target;

use anyhow::{Result, bail, ensure};
use policy::{Class, Network, NetworkName, Policy, Service, Shape};

use crate::probe::Probe;
use crate::surroundings::Surroundings;

pub(crate) use target::Target;

/// A service, and the network that it leaves by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a> {
    /// The service.
    service: Service,
    /// Its container's name.
    container: &'a str,
    /// Its network; none where it has none at all.
    network: Option<&'a Network>,
}

/// What a plan may name: one service by its container, or all that leave by a network, or all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// A container of the policy.
    pub(crate) container: Option<String>,
    /// A network of the policy.
    pub(crate) network: Option<String>,
}

/// The probes that the policy asks for, of the services in scope.
///
/// # Errors
/// If nothing in the policy has that container or network.
pub(crate) fn plan(policy: &Policy, around: &Surroundings, scope: &Scope, targets: &[Target]) -> Result<Vec<Probe>> {
    let posts = posts(policy, scope)?;
    Ok(posts.into_iter().flat_map(|post| probes(policy, around, post, targets)).collect())
}

/// The services with a way out that could be wrong. The cell stands for the vault, whose namespace it shares.
fn all_posts(policy: &Policy) -> Vec<Post<'_>> {
    let at = |service, network: Option<&str>| Post {
        service,
        container: policy.container(service),
        network: network.and_then(|name| policy.network(name)),
    };
    vec![
        at(Service::Cell, Some(NetworkName::CELL)),
        at(Service::Monitor, Some(NetworkName::MONITOR)),
        at(Service::Clamd, Some(NetworkName::WARDEN)),
        at(Service::Proxy, Some(NetworkName::EGRESS)),
        at(Service::Warden, None),
    ]
}

fn posts<'a>(policy: &'a Policy, scope: &Scope) -> Result<Vec<Post<'a>>> {
    let mut posts = all_posts(policy);
    if let Some(name) = &scope.network {
        posts.retain(|post| post.network.is_some_and(|network| network.name == *name.as_str()));
        ensure!(
            !posts.is_empty(),
            "no service leaves by a network {name:?}; those of the policy that one leaves by: cell, monitor, warden, egress"
        );
        if let (Some(container), [post, ..]) = (&scope.container, posts.as_slice()) {
            return Ok(vec![Post { container: find_name(policy, container).unwrap_or(post.container), ..*post }]);
        }
    } else if let Some(name) = &scope.container {
        let service = if *name == policy.container(Service::Vault) { policy.container(Service::Cell) } else { name };
        posts.retain(|post| post.container == service);
        if posts.is_empty() {
            bail!("the policy has no container {name:?}; say with --network which of its networks to probe as");
        }
    }
    Ok(posts)
}

fn find_name<'a>(policy: &'a Policy, name: &str) -> Option<&'a str> {
    Service::ALL.into_iter().map(|service| policy.container(service)).find(|container| *container == name)
}

fn probes(policy: &Policy, around: &Surroundings, post: Post<'_>, targets: &[Target]) -> Vec<Probe> {
    let mut draft = draft::Draft::new(post);
    match post.network {
        Some(network) if is_open(policy, network) => {
            internet::must_pass(&mut draft, policy, post.service);
            names::must_pass(&mut draft);
        }
        Some(network) => {
            gate::probes(&mut draft, policy, network);
            internet::must_not(&mut draft, policy);
            names::must_not(&mut draft, policy, network);
        }
        None => internet::must_not(&mut draft, policy),
    }
    target::probes(&mut draft, targets);
    private::probes(&mut draft, policy, around, post);
    private::holes(&mut draft, policy, post);
    engine::probes(&mut draft, around);
    draft.done()
}

fn is_open(policy: &Policy, network: &Network) -> bool {
    let proxied_cell = network.name == NetworkName::CELL && policy.cell.network == Shape::Proxied;
    network.class == Class::Open && !proxied_cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use record::cellblock::{Evidence, Expect, ProbeKind};

    fn shipped(change: impl Fn(String) -> String) -> Policy {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/policy.toml");
        let text = change(std::fs::read_to_string(&path).unwrap());
        Policy::parse(&text, &path, Path::new("/srv/cellblock")).unwrap()
    }

    /// A host with one address of each family, a router, a NAS and sshd.
    pub(super) fn home() -> Surroundings {
        let ips = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<BTreeSet<_>>();
        Surroundings {
            own: ips(&["192.168.1.5", "2001:db8:1::5"]),
            routers: ips(&["192.168.1.1"]),
            neighbours: ips(&["192.168.1.1", "192.168.1.20", "172.30.1.2"]),
            listening: BTreeSet::from([22]),
            sockets: vec!["/var/run/docker.sock".into()],
        }
    }

    fn of(policy: &Policy, container: &str) -> Vec<Probe> {
        let scope = Scope { container: Some(container.to_owned()), network: None };
        plan(policy, &home(), &scope, &[]).unwrap()
    }

    #[test]
    fn the_shipped_policy_has_eighty_probes_and_more_for_the_cell_each_with_an_id_and_a_sentence() {
        let probes = plan(&shipped(|text| text), &home(), &Scope::default(), &[]).unwrap();
        let mut counts = BTreeMap::<&str, usize>::new();
        let mut ids = BTreeSet::new();
        for probe in &probes {
            *counts.entry(probe.container.as_deref().unwrap()).or_default() += 1;
            assert!(ids.insert(&probe.id), "{} stands twice", probe.id);
            assert!(probe.gain.ends_with('.') && probe.gain.contains(' '), "{}: {:?}", probe.id, probe.gain);
        }
        assert!(counts["cell"] >= 80, "{counts:?}");
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["cell", "clamd", "monitor", "proxy", "warden"]);
    }

    #[test]
    fn an_open_cell_has_the_internet_and_nothing_private() {
        let probes = of(&shipped(|text| text), "cell");
        let expected = |id: &str| probes.iter().find(|probe| probe.id == id).map(|probe| probe.expect);
        assert_eq!(expected("cell.internet.example.com.https"), Some(Expect::Pass));
        for id in [
            "cell.host.192.168.1.5.tcp.22",
            "cell.host.2001:db8:1::5.icmp",
            "cell.router.192.168.1.1.udp.53",
            "cell.lan.192.168.1.20.tcp.445",
            "cell.metadata.169.254.169.254.http",
            "cell.gateway.172.30.1.1.icmp",
            "cell.engine.docker",
            "cell.tailnet.100.100.100.100.udp.53",
        ] {
            assert_eq!(expected(id), Some(Expect::Blocked), "{id}");
        }
        assert!(!probes.iter().any(|probe| probe.id.starts_with("cell.lan.172.30.")), "its own bridge is no LAN");
    }

    #[test]
    fn a_proxied_cell_has_only_what_lists_it() {
        let policy = shipped(|text| {
            text.replace("network   = \"open\"", "network   = \"proxied\"")
                .replace("network = \"open\"", "network = \"proxied\"")
        });
        assert_eq!(policy.cell.network, Shape::Proxied, "the shipped policy is written otherwise now");
        for probe in of(&policy, "cell").iter().filter(|probe| probe.expect == Expect::Pass) {
            assert!(probe.id.starts_with("cell.gate.listed."), "{}", probe.id);
        }
    }

    #[test]
    fn whatever_passes_the_monitors_gate_is_listed_for_it() {
        let policy = shipped(|text| text);
        let probes = of(&policy, "monitor");
        let passing: Vec<&Probe> = probes.iter().filter(|probe| probe.expect == Expect::Pass).collect();
        assert!(!passing.is_empty());
        for probe in passing {
            let name = probe.ask.whom.to_string();
            assert!(policy.egress_for("monitor").any(|rule| rule.host.matches(&name)), "{}", probe.id);
        }
        let unique =
            |probe: &&Probe| probe.evidence == Evidence::OutsideName && probe.ask.question.as_ref().unwrap().unique;
        assert!(probes.iter().filter(unique).count() >= 4);
        assert!(probes.iter().any(|probe| probe.ask.kind == ProbeKind::Quic));
    }

    #[test]
    fn what_nobody_has_is_refused_with_a_way_out() {
        let policy = shipped(|text| text);
        let refused = |scope: Scope| plan(&policy, &home(), &scope, &[]).unwrap_err().to_string();
        assert!(refused(Scope { container: Some("web".into()), network: None }).contains("--network"));
        assert!(refused(Scope { container: None, network: Some("lan".into()) }).contains("monitor"));
    }
}
