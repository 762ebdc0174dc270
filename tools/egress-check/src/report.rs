//! A result as a line: the probe, what was seen, and the verdict.

use record::cellblock::{Evidence, Expect};
use record::fields::{Hash, Http, Response, Tls, TlsServer};
use record::{Action, Kind, Outcome, Provider, Record, Severity};

use crate::inspect::Observations;
use crate::probe::Probe;
use crate::probe::line::describe;
use crate::probe::observation::Observation;
use crate::verdict::{Circumstances, Reach, is_imitation, is_refusal, is_silence, reach, verdict};

/// The record of a probe that was made.
pub(crate) fn evaluated(probe: &Probe, observations: &Observations, around: Circumstances) -> Record {
    let control = observations.outside.as_ref().map(|observation| control_reach(probe, observation));
    let found = verdict(probe.expect, inside_reach(probe, observations), control, around);
    let reason = match &observations.outside {
        Some(outside) => format!("{}: {} inside, {} outside", found.reason, observations.inside, outside),
        None => format!("{}: {}", found.reason, observations.inside),
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
        wire.seen = Some(observations.inside.to_string());
        wire.control_seen = observations.outside.as_ref().map(ToString::to_string);
    }
    fill(&mut record, observations);
    record
}

/// The record of a probe to which nobody answers, inside or outside, and which the kernel never sent. It has no route
/// there, or no interface with the address. So there was nothing to judge.
pub(crate) fn left_out(probe: &Probe) -> Record {
    let who = probe.container.as_deref().unwrap_or("here");
    let message =
        format!("{who}: {} is left out: nobody answers, and the kernel has no route or interface for it.", probe.ask);
    let record = Record::new(Provider::EgressCheck, Action::ProbeLeftOut, message)
        .kind(Kind::State)
        .reason("there is nobody to ask from this place, so it is no check and does not count");
    describe(record, probe)
}

/// Does it take the moat's count to tell who said no, or why nobody says anything?
pub(crate) fn is_counted(probe: &Probe, observations: &Observations) -> bool {
    is_silent(probe, observations) || (probe.expect == Expect::Blocked && is_refusal(inside_reach(probe, observations)))
}

/// Could nobody tell, for want of an answer anywhere? Then the moat's count may.
pub(crate) fn is_silent(probe: &Probe, observations: &Observations) -> bool {
    let control = observations.outside.as_ref().map(|observation| control_reach(probe, observation));
    probe.expect == Expect::Blocked && is_silence(inside_reach(probe, observations), control)
}

/// A gate is known by its words; where the target outside says the same ones, they show nobody.
fn inside_reach(probe: &Probe, observations: &Observations) -> Reach {
    let imitated = observations.outside.as_ref().is_some_and(|outside| is_imitation(&observations.inside, outside));
    match probe.evidence {
        Evidence::BeyondGate if imitated => Reach::Rejected,
        evidence => reach(&observations.inside, evidence),
    }
}

/// A control that asks something else is judged by whether it answered, not by who spoke.
fn control_reach(probe: &Probe, observation: &Observation) -> Reach {
    let evidence = match probe.evidence {
        Evidence::BeyondGate => Evidence::Target,
        other => other,
    };
    reach(observation, evidence)
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
fn fill(record: &mut Record, observations: &Observations) {
    if let Some(question) = record.dns.as_mut().and_then(|dns| dns.question.as_mut()) {
        question.name = observations.name.clone().or(question.name.take());
    }
    match &observations.inside {
        Observation::Http { status, bytes, .. } => {
            let response = Response { status_code: Some(*status), ..Response::default() };
            record.http.get_or_insert_with(Http::default).response = Some(response);
            bytes_back(record, *bytes);
        }
        Observation::Tls { leaf, bytes } => {
            let tls = record.tls.get_or_insert_with(Tls::default);
            tls.established = Some(true);
            let hash = Some(Hash { sha256: Some(leaf.clone()) });
            tls.server = Some(TlsServer { hash, ..TlsServer::default() });
            bytes_back(record, *bytes);
        }
        Observation::Dns(answer) => {
            let dns = record.dns.get_or_insert_default();
            dns.response_code = Some(answer.code.clone());
            dns.resolved_ip = Some(answer.addresses.clone()).filter(|found| !found.is_empty());
        }
        Observation::Answered { bytes, .. } => bytes_back(record, *bytes),
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
    use crate::probe::question::{Ask, ProbeTarget};
    use record::cellblock::ProbeKind;

    fn probe() -> Probe {
        let ask = Ask::new(ProbeKind::Tcp, ProbeTarget::Ip("192.168.1.1".parse().unwrap()), 22);
        Probe::new("lan", Expect::Blocked, ask, "Logs in to the router.")
    }

    fn seen(inside: Observation, outside: Option<Observation>) -> Record {
        let observations = Observations { inside, outside, name: None, control_name: None };
        evaluated(&probe(), &observations, Circumstances::default())
    }

    #[test]
    fn a_way_out_is_an_alert_with_what_was_seen() {
        let record = seen(Observation::Answered { bytes: 9, what: "SSH-2.0".into() }, None);
        assert_eq!(record.event.outcome, Some(Outcome::Failure));
        assert_eq!((record.event.kind, record.event.severity), (Kind::Alert, Severity::High));
        assert_eq!(record.destination.unwrap().bytes, Some(9));
        assert!(record.event.reason.unwrap().contains("SSH-2.0"));
    }

    #[test]
    fn silence_alone_is_no_pass() {
        let record = seen(Observation::Silent, None);
        assert_eq!(record.event.outcome, Some(Outcome::Unknown));
        let outside = Some(Observation::Answered { bytes: 9, what: "SSH-2.0".into() });
        let record = seen(Observation::Silent, outside);
        assert_eq!(record.event.outcome, Some(Outcome::Success));
    }

    #[test]
    fn the_name_that_was_really_asked_for_is_in_the_line_even_where_nobody_answered() {
        let ask = crate::probe::dns(ProbeKind::Dns, ProbeTarget::OwnResolvers, "example.com", true);
        let probe = Probe::new("names", Expect::Blocked, ask, "Carries data out in names.");
        let name = Some("ec-0.example.com".to_owned());
        let observations =
            Observations { inside: Observation::Silent, outside: None, name: name.clone(), control_name: None };
        let record = evaluated(&probe, &observations, Circumstances::default());
        assert_eq!(record.dns.unwrap().question.unwrap().name, name);
    }

    #[test]
    fn an_upstream_that_speaks_like_the_gate_does_not_make_a_leak_a_pass() {
        let probe = || probe().evidence(Evidence::BeyondGate);
        let refusal = || Observation::Http {
            status: 403,
            from: crate::probe::observation::Speaker::GateRefuses,
            bytes: 9,
            port: None,
        };
        let judged = |outside| {
            let observations =
                Observations { inside: refusal(), outside: Some(outside), name: None, control_name: None };
            evaluated(&probe(), &observations, Circumstances::default()).event.outcome
        };
        assert_eq!(judged(refusal()), Some(Outcome::Unknown));
        assert_eq!(judged(Observation::Tls { leaf: String::new(), bytes: 9 }), Some(Outcome::Success));
    }
}
