//! Everything private: the host, its LAN, the clouds' metadata, the tailnet and the neighbouring cells. Samples of the
//! ranges that no address of the internet is in stand for the rest.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use policy::{Deny, Policy, Protocol};
use record::cellblock::{Expect, ProbeKind};

use super::draft::Draft;
use super::{Post, bridges, discovery};
use crate::host::Surroundings;
use crate::probe::question::{Ask, ProbeTarget};
use crate::probe::{Probe, http};

/// How many of the host's listening ports are tried at each of its addresses.
const PORTS: usize = 32;
/// How many neighbours of each family are tried.
const NEIGHBOURS: usize = 6;

/// Services that tell a machine who it is, and hand out its keys: address, path, whose.
const METADATA: [(&str, &str, &str); 8] = [
    ("169.254.169.254", "/latest/meta-data/", "the cloud's keys for this machine"),
    ("fd00:ec2::254", "/latest/meta-data/", "the cloud's keys for this machine, over IPv6"),
    ("169.254.170.2", "/v2/credentials", "the keys of a container service's task"),
    ("169.254.170.23", "/v1/credentials", "the keys of a Kubernetes pod"),
    ("100.100.100.200", "/latest/meta-data/", "the keys of an Alibaba machine"),
    ("192.0.0.192", "/opc/v1/instance/", "the keys of an Oracle machine"),
    ("169.254.42.42", "/conf?format=json", "the keys of a Scaleway machine"),
    ("fd20:ce::254", "/computeMetadata/v1/", "the keys of a Google machine, over IPv6"),
];

/// One address of every sort that is no internet (RFC 6890 and the registries it made).
const SPECIAL: [(&str, &str); 14] = [
    ("10.0.0.1", "a private network (RFC 1918)"),
    ("172.16.0.1", "a private network (RFC 1918)"),
    ("192.168.0.1", "a home router (RFC 1918)"),
    ("192.168.1.1", "a home router (RFC 1918)"),
    ("100.64.0.1", "a provider's inside, or a tailnet (RFC 6598)"),
    ("169.254.1.1", "the link itself (RFC 3927)"),
    ("192.0.2.1", "what is only for documents (RFC 5737)"),
    ("198.18.0.1", "a test network (RFC 2544)"),
    ("240.0.0.1", "what is reserved (RFC 1112)"),
    ("fd00::1", "a private network (RFC 4193)"),
    ("2001:db8::1", "what is only for documents (RFC 3849)"),
    ("64:ff9b::c0a8:1", "a private address behind NAT64 (RFC 6052)"),
    ("64:ff9b:1::1", "a private address behind local NAT64 (RFC 8215)"),
    ("2002:c0a8:1::1", "a private address behind 6to4 (RFC 3056)"),
];

/// What must not answer, whoever asks.
pub(super) fn probes(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, post: Post<'_>) {
    host(draft, policy, around);
    bridges::probes(draft, policy, around, post);
    lan(draft, policy, around);
    discovery::probes(draft, policy, around, post);
    metadata(draft);
    tailnet(draft);
    special(draft, policy);
}

fn host(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings) {
    for ip in around.own.iter().filter(|ip| !guarded(policy, **ip)) {
        draft.no_echo("host", *ip, "Finds the machine that it runs on.");
        for port in served(policy, around) {
            draft.no_port("host", ProbeKind::Tcp, *ip, port, "Attacks what the machine itself serves.");
        }
        draft.no_port("host", ProbeKind::Udp, *ip, 53, "Carries data out through the machine's own resolver.");
    }
}

/// What the host serves at all of its addresses, published ports of containers among it.
pub(super) fn served(policy: &Policy, around: &Surroundings) -> BTreeSet<u16> {
    let listening = around.listening.iter().copied().take(PORTS);
    listening.chain([22, policy.vault.listen.port()]).collect()
}

fn lan(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings) {
    for ip in &around.routers {
        draft.no_echo("router", *ip, "Finds the way the house is connected.");
        draft.no_port("router", ProbeKind::Tcp, *ip, 80, "Logs in to the router and opens the house.");
        draft.no_port("router", ProbeKind::Udp, *ip, 53, "Carries data out through the router's resolver.");
        draft.no_port("router", ProbeKind::Udp, *ip, 5351, "Opens a port of the router to the internet.");
    }
    let others = around.neighbours.iter().filter(|ip| !around.routers.contains(ip) && !guarded(policy, **ip));
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = others.partition(|ip| ip.is_ipv4());
    for ip in v4.iter().take(NEIGHBOURS).chain(v6.iter().take(NEIGHBOURS)) {
        draft.no_echo("lan", *ip, "Finds a machine of the LAN.");
        for port in [22, 80, 445] {
            draft.no_port("lan", ProbeKind::Tcp, *ip, port, "Attacks a machine of the LAN, its files first.");
        }
    }
}

fn metadata(draft: &mut Draft<'_>) {
    for (address, path, whose) in METADATA {
        let Ok(ip) = address.parse() else { continue };
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let ask = http(ProbeKind::Http, ProbeTarget::Ip(ip), 80, "GET", &host, path);
        let gain = format!("Takes {whose}.");
        draft.add(Probe::new(format!("metadata.{address}.http"), Expect::Blocked, ask, gain));
    }
}

/// Tailscale's own resolver answers at these, with the whole tailnet behind it.
fn tailnet(draft: &mut Draft<'_>) {
    for ip in ["100.100.100.100", "fd7a:115c:a1e0::53"].into_iter().filter_map(|ip| ip.parse().ok()) {
        let gain = "Learns and reaches the machines of the tailnet.";
        draft.no_echo("tailnet", ip, gain);
        draft.no_port("tailnet", ProbeKind::Tcp, ip, 80, gain);
        draft.no_port("tailnet", ProbeKind::Udp, ip, 53, gain);
    }
}

fn special(draft: &mut Draft<'_>, policy: &Policy) {
    let samples = SPECIAL.iter().filter_map(|(ip, what)| Some((ip.parse().ok()?, *what)));
    for (ip, what) in samples {
        draft.no_port("special", ProbeKind::Tcp, ip, 80, &format!("Reaches {what}."));
    }
    for deny in &policy.moat.deny {
        if let Deny::Net(net) = deny {
            draft.no_port(
                "denied",
                ProbeKind::Tcp,
                first(*net),
                443,
                &format!("Reaches {net}, which the policy denies."),
            );
        }
    }
}

/// The holes of the moat lead where they say.
pub(super) fn holes(draft: &mut Draft<'_>, policy: &Policy, post: Post<'_>) {
    let ours = |hole: &&policy::Hole| post.network.is_some_and(|network| network.name == hole.network);
    for hole in policy.moat.allow.iter().filter(ours) {
        let kind = match hole.protocol {
            Protocol::Tcp => ProbeKind::Tcp,
            Protocol::Udp => ProbeKind::Udp,
        };
        let ask = Ask::new(kind, ProbeTarget::Ip(hole.addr), hole.port);
        let lost = format!("The hole {hole} of the policy leads nowhere.");
        draft.add(Probe::new(format!("hole.{}.{}.{}", hole.addr, hole.protocol, hole.port), Expect::Pass, ask, lost));
    }
}

/// Is the address on a bridge of the policy? Those have probes of their own.
fn guarded(policy: &Policy, ip: IpAddr) -> bool {
    policy.networks.values().any(|network| match ip {
        IpAddr::V4(ip) => network.v4.contains(&ip),
        IpAddr::V6(ip) => network.v6.contains(&ip),
    })
}

fn first(net: IpNet) -> IpAddr {
    net.hosts().next().unwrap_or(net.network())
}
