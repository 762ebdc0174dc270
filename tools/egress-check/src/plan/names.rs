//! DNS by the seat's own resolvers, Docker's among them: names are a way out of their own.

use policy::{Network, Policy};
use record::cellblock::{Evidence, Expect, ProbeKind};

use super::draft::Draft;
use crate::ask::Whom;
use crate::probe::{Probe, dns};

/// A name that no policy needs and that always exists (RFC 2606 section 3).
pub(super) const ELSEWHERE: &str = "example.com";

/// An open seat resolves names, and new ones too.
pub(super) fn must_pass(draft: &mut Draft<'_>) {
    let ask = dns(ProbeKind::Dns, Whom::OwnResolvers, ELSEWHERE, false);
    let probe = Probe::new("names.resolve", Expect::Pass, ask, "The agent cannot resolve a single name.");
    draft.add(probe.evidence(Evidence::OutsideName));
}

/// No question of a sealed seat leaves: not for a listed name's children, not for anything else.
pub(super) fn must_not(draft: &mut Draft<'_>, policy: &Policy, network: &Network) {
    let listed = policy.egress_for(network.name.as_str()).map(|rule| rule.host.name());
    let mut zones: Vec<&str> = listed.take(1).collect();
    zones.push(ELSEWHERE);
    zones.dedup();
    for zone in zones {
        for kind in ["A", "AAAA", "TXT"] {
            let mut ask = dns(ProbeKind::Dns, Whom::OwnResolvers, zone, true);
            if let Some(question) = ask.question.as_mut() {
                kind.clone_into(&mut question.kind);
            }
            let gain = "Carries data out in the names it asks for, through the resolver everybody uses.";
            let probe = Probe::new(format!("names.unique.{zone}.{kind}"), Expect::Blocked, ask, gain);
            draft.add(probe.evidence(Evidence::OutsideName));
        }
    }
    let ask = dns(ProbeKind::DnsTcp, Whom::OwnResolvers, ELSEWHERE, true);
    let gain = "Carries data out in names over TCP, where a filter looks at UDP only.";
    draft.add(Probe::new("names.unique.tcp", Expect::Blocked, ask, gain).evidence(Evidence::OutsideName));
}
