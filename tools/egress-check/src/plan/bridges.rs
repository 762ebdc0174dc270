//! The bridges of the policy: the host's end of each, over routed addresses and on the link itself, and
//! who sits on the others.

use std::net::IpAddr;

use policy::{Network, Policy, Service};
use record::cellblock::{Expect, ProbeKind};

use super::draft::Draft;
use super::{Post, private};
use crate::host::Surroundings;
use crate::probe::Probe;
use crate::probe::question::{Ask, ProbeTarget};

/// Docker's own ports, without TLS and with, beside what the host serves elsewhere.
const DOCKER: [u16; 2] = [2375, 2376];

/// The host's end of every bridge, and who sits on the other bridges.
pub(super) fn probes(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, post: Post<'_>) {
    for network in policy.active_networks() {
        gateway(draft, policy, around, network);
        if is_ours(post, network) {
            continue;
        }
        for member in &network.members {
            neighbour(draft, network, *member);
        }
    }
    for inside in interfaces(policy, post) {
        for network in policy.active_networks().filter(|network| is_ours(post, network)) {
            link_local(draft, policy, around, network, &inside);
        }
    }
}

/// The interfaces that a vantage has, by Docker's names: one for each of its networks.
pub(super) fn interfaces(policy: &Policy, post: Post<'_>) -> Vec<String> {
    let ours = policy.active_networks().filter(|network| is_ours(post, network));
    ours.enumerate().map(|(number, _)| format!("eth{number}")).collect()
}

/// Does it sit there itself? The cell sits where the vault does.
fn is_ours(post: Post<'_>, network: &Network) -> bool {
    let here = |service| network.members.contains(&service);
    post.network.is_some_and(|own| own.name == network.name)
        || here(post.service)
        || (post.service == Service::Cell && here(Service::Vault))
}

fn gateway(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, network: &Network) {
    let gain = "Attacks what the machine serves at its end of the bridge, its Docker among it.";
    let (v4, v6) = network.gateway();
    for ip in [IpAddr::V4(v4), IpAddr::V6(v6)] {
        draft.no_echo("gateway", ip, "Finds the machine at its end of the bridge.");
        for port in private::served(policy, around).into_iter().chain(DOCKER) {
            draft.no_port("gateway", ProbeKind::Tcp, ip, port, gain);
        }
        draft.no_port("gateway", ProbeKind::Udp, ip, 53, "Carries data out through the machine's own resolver.");
    }
}

fn neighbour(draft: &mut Draft<'_>, network: &Network, member: Service) {
    let gain = "Finds another container of the sandbox, and what it guards.";
    let ports: &[u16] = match member {
        Service::Proxy => &[80, 443],
        Service::Vault => &[443],
        _ => &[],
    };
    let Some((v4, v6)) = network.address_of(member) else { return };
    for ip in [IpAddr::V4(v4), IpAddr::V6(v6)] {
        draft.no_echo("neighbour", ip, gain);
        for port in ports {
            draft.no_port("neighbour", ProbeKind::Tcp, ip, *port, "Uses the gate, or the vault, as somebody else.");
        }
    }
}

/// The link: addresses that no route leads to, and that a filter of routed addresses does not see.
fn link_local(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, network: &Network, inside: &str) {
    let bridge = network.bridge.to_string();
    let Some(ip) = around.links.get(&bridge) else { return };
    let host = format!("{ip}%{bridge}");
    let mut add = |what: &str, kind: ProbeKind, whom: ProbeTarget, port: u16, gain: &str| {
        let probe =
            Probe::new(format!("link.{bridge}.{inside}.{what}"), Expect::Blocked, Ask::new(kind, whom, port), gain);
        draft.add(probe.control(kind, &host, port));
    };
    let on_link = || ProbeTarget::OnLink(IpAddr::V6(*ip), inside.to_owned());
    add("icmp", ProbeKind::Icmp, on_link(), 0, "Finds the machine on the link itself, where routes do not count.");
    for port in [22, policy.vault.listen.port()] {
        let gain = "Attacks what the machine serves, at an address that only this link has.";
        add(&format!("tcp.{port}"), ProbeKind::Tcp, on_link(), port, gain);
    }
    // Where peers may be on the link, one of them may answer.
    if network.members.len() < 2 {
        let all = ProbeTarget::read(&format!("ff02::1%{inside}"));
        add("all-nodes", ProbeKind::Icmp, all, 0, "Finds everybody on the link with one packet (RFC 4291).");
    }
}
