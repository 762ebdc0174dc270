//! A result as a line: the probe, what was seen, and the verdict.

use record::cellblock::{Evidence, Expect};
use record::fields::{Hash, Http, Response, Tls, TlsServer};
use record::{Action, Kind, Outcome, Provider, Record, Severity};

use crate::inspect::Sights;
use crate::line::describe;
use crate::probe::Probe;
use crate::sight::Sight;
use crate::verdict::{Circumstances, Reach, is_imitation, is_refusal, is_silence, reach, verdict};

/// The record of a probe that was made.
pub(crate) fn evaluated(probe: &Probe, sights: &Sights, around: Circumstances) -> Record {
    let control = sights.outside.as_ref().map(|sight| control_reach(probe, sight));
    let found = verdict(probe.expect, inside_reach(probe, sights), control, around);
    let reason = match &sights.outside {
        Some(outside) => format!("{}: {} inside, {} outside", found.reason, sights.inside, outside),
        None => format!("{}: {}", found.reason, sights.inside),
    };
    let wanted = match (probe.expect, found.outcome) {
        (Expect::Pass, Outcome::Success) => "passes, as the policy says",
        (Expect::Pass, Outcome::Failure) => "does not pass, and must",
        (Expect::Blocked, Outcome::Success) => "gets nowhere, as the policy says",
        (Expect::Blocked, Outcome::Failure) => "gets through, and must not",
        (_, Outcome::Unknown) => "could not be judged",
    };
    let message = format!("{}: {} {wanted}.", probe.container.as_deref().unwrap_or("here"), probe.ask);
    let (kind, severity) = weight(probe.expect, found.outcome);
    let record = Record::new(Provider::EgressCheck, Action::ProbeEvaluated, message)
        .kind(kind)
        .severity(severity)
        .outcome(found.outcome)
        .reason(reason);
    let mut record = describe(record, probe);
    if let Some(wire) = record.own().probe.as_mut() {
        wire.seen = Some(sights.inside.to_string());
        wire.control_seen = sights.outside.as_ref().map(ToString::to_string);
    }
    fill(&mut record, sights);
    record
}

/// The record of a probe to which nobody answers, inside or outside, and to which the kernel has no route: nothing was
/// sent, so there was nothing to judge.
pub(crate) fn left_out(probe: &Probe) -> Record {
    let who = probe.container.as_deref().unwrap_or("here");
    let message = format!("{who}: {} is left out: nobody answers, and the kernel has no route to it.", probe.ask);
    let record = Record::new(Provider::EgressCheck, Action::ProbeLeftOut, message)
        .kind(Kind::State)
        .reason("nothing is ever sent there from this place, so it is no check and does not count");
    describe(record, probe)
}

/// Does it take the moat's count to tell who said no, or why nobody says anything?
pub(crate) fn is_counted(probe: &Probe, sights: &Sights) -> bool {
    is_silent(probe, sights) || (probe.expect == Expect::Blocked && is_refusal(inside_reach(probe, sights)))
}

/// Could nobody tell, for want of an answer anywhere? Then the moat's count may.
pub(crate) fn is_silent(probe: &Probe, sights: &Sights) -> bool {
    let control = sights.outside.as_ref().map(|sight| control_reach(probe, sight));
    probe.expect == Expect::Blocked && is_silence(inside_reach(probe, sights), control)
}

/// A gate is known by its words; where the target outside says the same ones, they show nobody.
fn inside_reach(probe: &Probe, sights: &Sights) -> Reach {
    let imitated = sights.outside.as_ref().is_some_and(|outside| is_imitation(&sights.inside, outside));
    match probe.evidence {
        Evidence::BeyondGate if imitated => Reach::Rejected,
        evidence => reach(&sights.inside, evidence),
    }
}

/// A control that asks something else is judged by whether it answered, not by who spoke.
fn control_reach(probe: &Probe, sight: &Sight) -> Reach {
    let evidence = match probe.evidence {
        Evidence::BeyondGate => Evidence::Target,
        other => other,
    };
    reach(sight, evidence)
}

fn weight(expect: Expect, outcome: Outcome) -> (Kind, Severity) {
    match (outcome, expect) {
        (Outcome::Success, _) => (Kind::State, Severity::Informational),
        (Outcome::Unknown, _) => (Kind::State, Severity::Low),
        (Outcome::Failure, Expect::Pass) => (Kind::Alert, Severity::Medium),
        (Outcome::Failure, Expect::Blocked) => (Kind::Alert, Severity::High),
    }
}

/// What was seen, where ECS has a name for it.
fn fill(record: &mut Record, sights: &Sights) {
    if let Some(question) = record.dns.as_mut().and_then(|dns| dns.question.as_mut()) {
        question.name = sights.name.clone().or(question.name.take());
    }
    match &sights.inside {
        Sight::Http { status, bytes, .. } => {
            let response = Response { status_code: Some(*status), ..Response::default() };
            record.http.get_or_insert_with(Http::default).response = Some(response);
            bytes_back(record, *bytes);
        }
        Sight::Tls { leaf, bytes } => {
            let tls = record.tls.get_or_insert_with(Tls::default);
            tls.established = Some(true);
            let hash = Some(Hash { sha256: Some(leaf.clone()) });
            tls.server = Some(TlsServer { hash, ..TlsServer::default() });
            bytes_back(record, *bytes);
        }
        Sight::Dns(answer) => {
            let dns = record.dns.get_or_insert_default();
            dns.response_code = Some(answer.code.clone());
            dns.resolved_ip = Some(answer.addresses.clone()).filter(|found| !found.is_empty());
        }
        Sight::Answered { bytes, .. } => bytes_back(record, *bytes),
        _ => {}
    }
}

fn bytes_back(record: &mut Record, bytes: u64) {
    if let Some(destination) = record.destination.as_mut() {
        destination.bytes = Some(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Ask, Whom};
    use record::cellblock::ProbeKind;

    fn probe() -> Probe {
        let ask = Ask::new(ProbeKind::Tcp, Whom::Ip("192.168.1.1".parse().unwrap()), 22);
        Probe::new("lan", Expect::Blocked, ask, "Logs in to the router.")
    }

    fn seen(inside: Sight, outside: Option<Sight>) -> Record {
        let sights = Sights { inside, outside, name: None, control_name: None };
        evaluated(&probe(), &sights, Circumstances::default())
    }

    #[test]
    fn a_way_out_is_an_alert_with_what_was_seen() {
        let record = seen(Sight::Answered { bytes: 9, what: "SSH-2.0".into() }, None);
        assert_eq!(record.event.outcome, Some(Outcome::Failure));
        assert_eq!((record.event.kind, record.event.severity), (Kind::Alert, Severity::High));
        assert_eq!(record.destination.unwrap().bytes, Some(9));
        assert!(record.event.reason.unwrap().contains("SSH-2.0"));
    }

    #[test]
    fn silence_alone_is_no_pass() {
        let record = seen(Sight::Silent, None);
        assert_eq!(record.event.outcome, Some(Outcome::Unknown));
        let outside = Some(Sight::Answered { bytes: 9, what: "SSH-2.0".into() });
        let record = seen(Sight::Silent, outside);
        assert_eq!(record.event.outcome, Some(Outcome::Success));
    }

    #[test]
    fn the_name_that_was_really_asked_for_is_in_the_line_even_where_nobody_answered() {
        let ask = crate::probe::dns(ProbeKind::Dns, Whom::OwnResolvers, "example.com", true);
        let probe = Probe::new("names", Expect::Blocked, ask, "Carries data out in names.");
        let name = Some("ec-0.example.com".to_owned());
        let sights = Sights { inside: Sight::Silent, outside: None, name: name.clone(), control_name: None };
        let record = evaluated(&probe, &sights, Circumstances::default());
        assert_eq!(record.dns.unwrap().question.unwrap().name, name);
    }

    #[test]
    fn an_upstream_that_speaks_like_the_gate_does_not_make_a_leak_a_pass() {
        let probe = || probe().evidence(Evidence::BeyondGate);
        let refusal = || Sight::Http { status: 403, from: crate::sight::Speaker::GateRefuses, bytes: 9 };
        let judged = |outside| {
            let sights = Sights { inside: refusal(), outside: Some(outside), name: None, control_name: None };
            evaluated(&probe(), &sights, Circumstances::default()).event.outcome
        };
        assert_eq!(judged(refusal()), Some(Outcome::Unknown));
        assert_eq!(judged(Sight::Tls { leaf: String::new(), bytes: 9 }), Some(Outcome::Success));
    }
}
