//! DNS by the vantage's own resolvers, Docker's among them: names are a way out of their own.

use std::net::{IpAddr, Ipv4Addr};

use policy::{Network, Policy};
use record::cellblock::{Evidence, Expect, ProbeKind};

use super::draft::Draft;
use crate::probe::question::ProbeTarget;
use crate::probe::{Probe, dns};

/// A name that no policy needs and that always exists (RFC 2606 section 3).
pub(super) const ELSEWHERE: &str = "example.com";
/// Docker's own resolver, on every network that somebody made. It is asked by its address too: who can
/// write its resolv.conf can name another there, and have this one to itself.
const DOCKERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// An open vantage resolves names, and new ones too.
pub(super) fn must_pass(draft: &mut Draft<'_>) {
    let ask = dns(ProbeKind::Dns, ProbeTarget::OwnResolvers, ELSEWHERE, false);
    let probe = Probe::new("names.resolve", Expect::Pass, ask, "The agent cannot resolve a single name.");
    draft.add(probe.evidence(Evidence::OutsideName));
}

/// No question of a sealed vantage leaves: not for a listed name's children, not for anything else.
pub(super) fn must_not(draft: &mut Draft<'_>, policy: &Policy, network: &Network) {
    let listed = policy.egress_for(network.name.as_str()).map(|rule| rule.host.name());
    let mut zones: Vec<&str> = listed.take(1).collect();
    zones.push(ELSEWHERE);
    zones.dedup();
    for zone in zones {
        for kind in ["A", "AAAA", "TXT"] {
            let gain = "Carries data out in the names it asks for, through the resolver everybody uses.";
            let mut refused = |id: String, whom: ProbeTarget| {
                let mut ask = dns(ProbeKind::Dns, whom, zone, true);
                if let Some(question) = ask.question.as_mut() {
                    kind.clone_into(&mut question.kind);
                }
                draft.add(outside(Probe::new(id, Expect::Blocked, ask, gain), policy));
            };
            refused(format!("names.unique.{zone}.{kind}"), ProbeTarget::OwnResolvers);
            refused(format!("names.docker.{zone}.{kind}"), ProbeTarget::Ip(DOCKERS));
        }
    }
    for (id, whom) in [("names.unique.tcp", ProbeTarget::OwnResolvers), ("names.docker.tcp", ProbeTarget::Ip(DOCKERS))]
    {
        let ask = dns(ProbeKind::DnsTcp, whom, ELSEWHERE, true);
        let gain = "Carries data out in names over TCP, where a filter looks at UDP only.";
        draft.add(outside(Probe::new(id, Expect::Blocked, ask, gain), policy));
    }
}

/// The control of Docker's resolver is one of the policy's: outside, the other is nobody's address.
fn outside(probe: Probe, policy: &Policy) -> Probe {
    let probe = probe.evidence(Evidence::OutsideName);
    match policy.cell.dns.first() {
        Some(resolver) if probe.ask.whom == ProbeTarget::Ip(DOCKERS) => {
            let (kind, resolver) = (probe.ask.kind, resolver.to_string());
            probe.control(kind, &resolver, 53)
        }
        _ => probe,
    }
}
