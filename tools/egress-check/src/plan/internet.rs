//! The internet: for an open network all of it must answer, for a sealed one none of it.

use std::net::{IpAddr, Ipv6Addr};

use policy::{Egress, NetworkName, Policy, Service};
use record::cellblock::{Expect, ProbeKind};

use super::draft::Draft;
use crate::host::Surroundings;
use crate::probe::question::{Ask, ProbeTarget};
use crate::probe::{Probe, dns, http, tls};

/// How many listed names an open vantage is tried with.
const NAMES: usize = 3;
/// A public resolver over IPv6 (quad9.net), beside those of the policy.
pub(super) const QUAD9: Ipv6Addr = Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe);

/// The outside that an open vantage is for.
pub(super) fn must_pass(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, service: Service) {
    // A name whose key the gate holds is the gate's for the cell: `gate` asks for it there.
    let at_the_gate = |rule: &Egress| service == Service::Cell && rule.lists(NetworkName::MODEL);
    let exact = policy.egress.iter().filter(|rule| !rule.host.is_wildcard() && !at_the_gate(rule));
    let mut names: Vec<&str> = exact.map(|rule| rule.host.name()).collect();
    names.sort_unstable();
    names.dedup();
    if !names.contains(&super::names::ELSEWHERE) && service == Service::Cell {
        names.insert(0, super::names::ELSEWHERE);
    }
    for name in names.into_iter().take(NAMES) {
        let whom = || ProbeTarget::Name(name.to_owned());
        let ask = http(ProbeKind::Https, whom(), 443, "GET", name, "/");
        let lost = format!("The agent cannot work without the internet, here https://{name}/.");
        draft.add(Probe::new(format!("internet.{name}.https"), Expect::Pass, ask, lost.clone()));
        draft.add(Probe::new(format!("internet.{name}.tls"), Expect::Pass, tls(whom(), 443, name), lost));
    }
    for ip in resolvers(policy) {
        let ask = dns(ProbeKind::DnsTcp, ProbeTarget::Ip(ip), super::names::ELSEWHERE, false);
        let lost = "Names cannot be resolved over TCP, which large answers need.";
        draft.add(Probe::new(format!("internet.{ip}.dns-tcp"), Expect::Pass, ask, lost));
    }
    // The gate goes out over IPv4 only.
    if around.v6 && !around.v4_only && service == Service::Cell {
        let ask = dns(ProbeKind::DnsTcp, ProbeTarget::Ip(IpAddr::V6(QUAD9)), super::names::ELSEWHERE, false);
        let lost = "The agent has no internet over IPv6.";
        draft.add(Probe::new(format!("internet.{QUAD9}.dns-tcp"), Expect::Pass, ask, lost));
    }
}

/// The outside that a sealed vantage must never see directly.
pub(super) fn must_not(draft: &mut Draft<'_>, policy: &Policy) {
    for ip in resolvers(policy).into_iter().chain([IpAddr::V6(QUAD9)]) {
        draft.no_echo("internet", ip, "Carries data out in echo requests.");
        for port in [22, 80, 443] {
            let gain = "Talks to any server of the internet, past the gate and its log.";
            draft.no_port("internet", ProbeKind::Tcp, ip, port, gain);
        }
        draft.no_port("internet", ProbeKind::Quic, ip, 443, "Talks HTTP/3 past every TCP rule.");
        draft.no_port("internet", ProbeKind::Udp, ip, 123, "Carries data out as time requests.");
        for kind in [ProbeKind::Dns, ProbeKind::DnsTcp, ProbeKind::Dot, ProbeKind::Doh] {
            let ask = dns(kind, ProbeTarget::Ip(ip), super::names::ELSEWHERE, true);
            let id = format!("internet.{ip}.{}", crate::probe::question::kind_name(kind));
            draft.add(Probe::new(
                id,
                Expect::Blocked,
                ask,
                "Carries data out in the names it asks a resolver of its own for.",
            ));
        }
        let id = format!("internet.{ip}.tls");
        let ask = Ask::new(ProbeKind::Tls, ProbeTarget::Ip(ip), 443);
        draft.add(Probe::new(id, Expect::Blocked, ask, "Opens TLS to a server that the gate never sees."));
    }
}

/// Two of the resolvers that the policy names.
pub(super) fn resolvers(policy: &Policy) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = policy.cell.dns.iter().chain(&policy.proxy.resolvers).copied().collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(2);
    all
}
