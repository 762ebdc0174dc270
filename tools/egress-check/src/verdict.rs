//! The verdict: what the policy expects, held against what was seen inside and outside.
//!
//! Pure, and small enough to be tested in full. Three rules stand behind the table:
//! a failure needs evidence, a success needs a control that worked, and all else is unknown.

pub(crate) mod moat;

use record::Outcome;
use record::cellblock::{Evidence, Expect};

use crate::probe::observation::{Observation, Speaker};
use crate::verdict::moat::Witness;

/// How far a probe came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Bytes that only the target could send came back.
    Reached,
    /// A handshake ended, and no byte followed: the target, or something in between.
    Touched,
    /// Somebody is there: the target's own kernel that refuses, a filter that rejects, a gate that waits.
    Rejected,
    /// Nothing of the target was seen.
    Absent,
    /// It could not be tried.
    NotMade,
}

/// An outcome with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Success, failure, or unknown where the probe could not tell.
    pub(crate) outcome: Outcome,
    /// Why, in half a sentence.
    pub(crate) reason: &'static str,
}

/// What a resolver's log outside says of a probe's unique name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It has the name: the name left, whatever was answered.
    Left,
    /// It has the control's name and not this one.
    Stayed,
    /// It has neither, so it shows nothing.
    Blind,
}

/// What else a verdict has to take into account.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Circumstances {
    /// What the log outside says, where there is one and the probe has a unique name.
    pub(crate) trace: Option<Trace>,
    /// What the moat counted, where nobody answered the probe and `--moat` asks.
    pub(crate) witness: Option<Witness>,
    /// May who is inspected change its own routes, filters or packets while it is? Then silence inside may be its work.
    pub(crate) can_alter_network: bool,
}

/// How far an observation came, when this is what counts as evidence.
pub(crate) fn reach(observation: &Observation, evidence: Evidence) -> Reach {
    match (observation, evidence) {
        (Observation::NotMade(_) | Observation::Unfinished, _) => Reach::NotMade,
        (Observation::Silent | Observation::Unreachable(_) | Observation::NotResolved(_), _) => Reach::Absent,
        // The gate speaks for itself: what it refuses or closes has not gone through it.
        (
            Observation::Http { from: Speaker::GateRefuses, .. }
            | Observation::NameRefused
            | Observation::Closed
            | Observation::Refused,
            Evidence::BeyondGate,
        ) => Reach::Absent,
        (Observation::Http { from: Speaker::GateFailed | Speaker::GateUnclear, .. }, Evidence::BeyondGate) => {
            Reach::Rejected
        }
        (Observation::Http { .. } | Observation::Tls { .. }, _) => Reach::Reached,
        (Observation::Answered { .. } | Observation::NameRefused, Evidence::Target) => Reach::Reached,
        (Observation::Answered { .. } | Observation::NameRefused, _) => Reach::Rejected,
        (Observation::Dns(answer), Evidence::OutsideName) => match answer.code.as_str() {
            "NOERROR" | "NXDOMAIN" if answer.from_outside => Reach::Reached,
            // Docker's own resolver can say this too, of names that it alone knows.
            "NOERROR" | "NXDOMAIN" => Reach::Rejected,
            _ => Reach::Absent,
        },
        (Observation::Dns(_), _) => Reach::Reached,
        // Docker's resolver and the gate take a connection from anybody, and that is all it shows.
        (Observation::Connected | Observation::Closed | Observation::Refused, Evidence::OutsideName) => Reach::Absent,
        (Observation::Connected, Evidence::BeyondGate) => Reach::Rejected,
        (Observation::Connected | Observation::Closed | Observation::Stray { .. }, Evidence::Target) => Reach::Touched,
        (Observation::Stray { .. }, _) => Reach::Rejected,
        (Observation::Refused, _) => Reach::Rejected,
    }
}

/// Are these the gate's own words, in both places? The control does not go through the gate: there the target said them
/// itself. Inside they may be the target's too.
pub(crate) fn is_imitation(inside: &Observation, outside: &Observation) -> bool {
    let refuses =
        |observation: &Observation| matches!(observation, Observation::Http { from: Speaker::GateRefuses, .. });
    let alert = |observation: &Observation| *observation == Observation::NameRefused;
    let closed = |observation: &Observation| *observation == Observation::Closed;
    [refuses(inside) && refuses(outside), alert(inside) && alert(outside), closed(inside) && closed(outside)]
        .contains(&true)
}

/// The verdict. `control` is what the same question came to outside, where it was asked.
pub(crate) fn verdict(expect: Expect, inside: Reach, control: Option<Reach>, around: Circumstances) -> Verdict {
    let (outcome, reason) = match expect {
        Expect::Pass => must_pass(inside, control),
        Expect::Blocked => match logged(inside, around.trace) {
            Some(found) => found,
            None => witnessed(inside, control, around.witness).unwrap_or_else(|| must_not(inside, control)),
        },
    };
    if around.can_alter_network && expect == Expect::Blocked && outcome == Outcome::Success {
        let reason = "it may change its own routes and packets (CAP_NET_ADMIN, CAP_NET_RAW), so silence inside may be its own work";
        return Verdict { outcome: Outcome::Unknown, reason };
    }
    Verdict { outcome, reason }
}

/// What a log outside settles: a name in it left; silence did not, where the log has the control's name. An
/// answer of somebody's is left open: the log is one resolver's, and another one may have been asked.
fn logged(inside: Reach, trace: Option<Trace>) -> Option<(Outcome, &'static str)> {
    match (trace?, inside) {
        (Trace::Left, _) => Some((Outcome::Failure, "the name is in the log outside")),
        (Trace::Stayed, Reach::Absent) => {
            Some((Outcome::Success, "the log outside has the control's name and not this one"))
        }
        (Trace::Stayed | Trace::Blind, _) => None,
    }
}

/// Does nobody answer, inside or outside? Such a silence alone shows nothing.
pub(crate) fn is_silence(inside: Reach, control: Option<Reach>) -> bool {
    inside == Reach::Absent && matches!(control, None | Some(Reach::Absent | Reach::NotMade))
}

/// Did somebody say no, where the policy says the same? It may be the moat, and the moat's count tells.
pub(crate) fn is_refusal(inside: Reach) -> bool {
    inside == Reach::Rejected
}

/// What the moat settles where nobody answers, inside or outside: it refused these very packets, or it did not, and
/// they went on. And where somebody says no: it was the moat, if it refused these very packets. If it did not, it was
/// another.
fn witnessed(inside: Reach, control: Option<Reach>, witness: Option<Witness>) -> Option<(Outcome, &'static str)> {
    if let (true, Some(Witness::Refused(_))) = (is_refusal(inside), witness) {
        return Some((Outcome::Success, "somebody says no, and it is the moat: it refused these packets"));
    }
    match witness.filter(|_| is_silence(inside, control))? {
        Witness::Refused(_) => Some((Outcome::Success, "nobody answers anywhere, and the moat refused its packets")),
        Witness::RefusedByGate => Some((
            Outcome::Success,
            "nobody answers outside, and the gate has this request among those that it refused",
        )),
        Witness::Nothing => {
            Some((Outcome::Failure, "nobody answers, and the moat refused none of its packets: they went on"))
        }
        Witness::Blind => None,
    }
}

fn must_pass(inside: Reach, control: Option<Reach>) -> (Outcome, &'static str) {
    match (inside, control) {
        (Reach::Reached, _) => (Outcome::Success, "it answered"),
        (Reach::NotMade, _) => (Outcome::Unknown, "the probe could not be made"),
        (Reach::Touched, _) => (Outcome::Unknown, "something answered, and nothing that only the target could say"),
        (_, Some(Reach::Absent)) => (Outcome::Unknown, "it answers neither inside nor outside"),
        (Reach::Rejected, _) => {
            (Outcome::Failure, "somebody was there and it did not get through, and the policy allows it")
        }
        (Reach::Absent, _) => (Outcome::Failure, "it did not answer, and the policy allows it"),
    }
}

fn must_not(inside: Reach, control: Option<Reach>) -> (Outcome, &'static str) {
    match (inside, control) {
        (Reach::Reached, _) => (Outcome::Failure, "the target answered"),
        (Reach::NotMade, _) => (Outcome::Unknown, "the probe could not be made"),
        (Reach::Touched, Some(Reach::Touched)) => (Outcome::Failure, "the same comes back inside as outside"),
        (Reach::Touched, _) => (Outcome::Unknown, "something answered, and nothing shows that it was the target"),
        (Reach::Rejected, _) => {
            (Outcome::Unknown, "somebody is there, and nothing shows whether it is the target or what guards it")
        }
        (Reach::Absent, Some(Reach::Reached | Reach::Touched | Reach::Rejected)) => {
            (Outcome::Success, "nothing inside, an answer outside")
        }
        (Reach::Absent, None) => (Outcome::Unknown, "no answer, and no control shows that there was one to get"),
        (Reach::Absent, Some(Reach::NotMade)) => (Outcome::Unknown, "no answer, and the control could not be made"),
        (Reach::Absent, Some(Reach::Absent)) => (Outcome::Unknown, "no answer, but none outside either"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Failure as F, Success as S, Unknown as U};

    const REACHES: [Reach; 5] = [Reach::Reached, Reach::Touched, Reach::Rejected, Reach::Absent, Reach::NotMade];

    /// Rows: what was seen inside, in the order of `REACHES`. Columns: the control, none first.
    const MUST_NOT: [[Outcome; 6]; 5] =
        [[F, F, F, F, F, F], [U, U, F, U, U, U], [U, U, U, U, U, U], [U, S, S, S, U, U], [U, U, U, U, U, U]];
    const MUST_PASS: [[Outcome; 6]; 5] =
        [[S, S, S, S, S, S], [U, U, U, U, U, U], [F, F, F, F, U, F], [F, F, F, F, U, F], [U, U, U, U, U, U]];

    fn blocked(inside: Reach, control: Option<Reach>) -> Outcome {
        verdict(Expect::Blocked, inside, control, Circumstances::default()).outcome
    }

    #[test]
    fn a_log_outside_settles_what_the_answer_does_not() {
        let with = |trace, inside, control| {
            let around = Circumstances { trace: Some(trace), ..Circumstances::default() };
            verdict(Expect::Blocked, inside, control, around).outcome
        };
        for inside in REACHES {
            assert_eq!(with(Trace::Left, inside, None), F, "{inside:?}: it is in the log");
            assert_eq!(
                with(Trace::Blind, inside, Some(Reach::Reached)),
                blocked(inside, Some(Reach::Reached)),
                "{inside:?}"
            );
        }
        assert_eq!(with(Trace::Stayed, Reach::Absent, Some(Reach::Absent)), S, "the log is the control");
        assert_eq!(with(Trace::Stayed, Reach::Rejected, Some(Reach::Reached)), U, "somebody else may have been asked");
        assert_eq!(
            with(Trace::Stayed, Reach::Reached, Some(Reach::Reached)),
            F,
            "another resolver than this log's answered"
        );
        assert_eq!(with(Trace::Stayed, Reach::NotMade, Some(Reach::Reached)), U);
        let pass = Circumstances { trace: Some(Trace::Left), can_alter_network: true, witness: None };
        assert_eq!(
            verdict(Expect::Pass, Reach::Absent, Some(Reach::Reached), pass).outcome,
            F,
            "a name that left is no answer"
        );
    }

    #[test]
    fn silence_of_a_place_that_can_silence_itself_is_no_pass_and_a_leak_there_is_still_one() {
        let around = Circumstances { can_alter_network: true, ..Circumstances::default() };
        let bent = |expect, inside| verdict(expect, inside, Some(Reach::Reached), around).outcome;
        assert_eq!(bent(Expect::Blocked, Reach::Absent), U);
        assert_eq!(bent(Expect::Blocked, Reach::Reached), F);
        assert_eq!(bent(Expect::Pass, Reach::Reached), S);
    }

    #[test]
    fn the_moat_s_own_count_settles_a_silence_on_both_sides_and_nothing_else() {
        let with = |witness, inside, control| {
            let around = Circumstances { witness: Some(witness), ..Circumstances::default() };
            verdict(Expect::Blocked, inside, control, around).outcome
        };
        for control in [None, Some(Reach::Absent), Some(Reach::NotMade)] {
            assert_eq!(with(Witness::Refused(1), Reach::Absent, control), S, "{control:?}");
            assert_eq!(with(Witness::Nothing, Reach::Absent, control), F, "{control:?}: the rule is gone");
            assert_eq!(with(Witness::Blind, Reach::Absent, control), U, "{control:?}");
            assert_eq!(with(Witness::RefusedByGate, Reach::Absent, control), S, "{control:?}");
            assert_eq!(with(Witness::RefusedByGate, Reach::Rejected, control), U, "{control:?}: it was passed on");
        }
        assert_eq!(with(Witness::Nothing, Reach::Absent, Some(Reach::Reached)), S, "the control settles it");
        assert_eq!(with(Witness::Refused(9), Reach::Reached, Some(Reach::Absent)), F, "it answered all the same");
    }

    #[test]
    fn a_no_is_the_moat_s_only_where_it_refused_these_very_packets() {
        for control in [None, Some(Reach::Reached), Some(Reach::Rejected), Some(Reach::Absent)] {
            for (witness, expected) in
                [(Some(Witness::Refused(1)), S), (Some(Witness::Nothing), U), (Some(Witness::Blind), U), (None, U)]
            {
                let around = Circumstances { witness, ..Circumstances::default() };
                let found = verdict(Expect::Blocked, Reach::Rejected, control, around).outcome;
                assert_eq!(found, expected, "{control:?} {witness:?}");
            }
        }
        let around = Circumstances { witness: Some(Witness::Refused(1)), ..Circumstances::default() };
        assert_eq!(verdict(Expect::Blocked, Reach::Touched, None, around).outcome, U, "a handshake is no refusal");
        assert_eq!(verdict(Expect::Pass, Reach::Rejected, None, around).outcome, F, "it should have got through");
    }

    #[test]
    fn a_target_that_speaks_like_the_gate_outside_too_is_not_taken_for_the_gate() {
        let refusal = || Observation::Http { status: 403, from: Speaker::GateRefuses, bytes: 90, port: None };
        let server = Observation::Http { status: 200, from: Speaker::Server, bytes: 90, port: None };
        assert!(is_imitation(&refusal(), &refusal()));
        assert!(
            is_imitation(&Observation::NameRefused, &Observation::NameRefused)
                && is_imitation(&Observation::Closed, &Observation::Closed)
        );
        assert!(
            !is_imitation(&refusal(), &server)
                && !is_imitation(&server, &refusal())
                && !is_imitation(&Observation::Closed, &Observation::Silent)
        );
    }

    #[test]
    fn every_combination_ends_as_the_table_says() {
        for (expect, table) in [(Expect::Blocked, MUST_NOT), (Expect::Pass, MUST_PASS)] {
            for (inside, row) in REACHES.into_iter().zip(table) {
                let controls = std::iter::once(None).chain(REACHES.map(Some));
                for (control, expected) in controls.zip(row) {
                    let found = verdict(expect, inside, control, Circumstances::default());
                    assert_eq!(found.outcome, expected, "{expect:?} {inside:?} {control:?}");
                    assert!(!found.reason.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_refusal_of_the_gate_is_no_way_out_but_one_of_a_target_is() {
        let refusal = Observation::Http { status: 403, from: Speaker::GateRefuses, bytes: 90, port: None };
        assert_eq!(reach(&refusal, Evidence::BeyondGate), Reach::Absent);
        assert_eq!(reach(&refusal, Evidence::Target), Reach::Reached);
        for from in [Speaker::GateFailed, Speaker::GateUnclear] {
            let nobody_behind = Observation::Http { status: 502, from, bytes: 90, port: None };
            assert_eq!(reach(&nobody_behind, Evidence::BeyondGate), Reach::Rejected);
            let inside = reach(&nobody_behind, Evidence::BeyondGate);
            assert_eq!(blocked(inside, Some(Reach::Reached)), U, "it was passed on, or may have been: {from:?}");
        }
        let upstream = Observation::Http { status: 404, from: Speaker::Server, bytes: 90, port: None };
        assert_eq!(reach(&upstream, Evidence::BeyondGate), Reach::Reached);
    }

    #[test]
    fn an_alert_that_knows_no_such_name_is_the_gate_s_no_and_elsewhere_an_answer() {
        let inside = reach(&Observation::NameRefused, Evidence::BeyondGate);
        assert_eq!(blocked(inside, Some(Reach::Reached)), S);
        assert_eq!(blocked(inside, None), U);
        assert_eq!(reach(&Observation::NameRefused, Evidence::Target), Reach::Reached);
    }

    #[test]
    fn a_name_left_only_when_the_answer_could_not_be_made_up_inside() {
        let answer = |code: &str, from_outside| {
            let observation = Observation::Dns(crate::probe::observation::Answer {
                code: code.into(),
                addresses: Vec::new(),
                from_outside,
            });
            reach(&observation, Evidence::OutsideName)
        };
        assert_eq!(answer("NOERROR", true), Reach::Reached);
        assert_eq!(answer("NXDOMAIN", true), Reach::Reached);
        assert_eq!(answer("NXDOMAIN", false), Reach::Rejected);
        assert_eq!(answer("SERVFAIL", false), Reach::Absent);
        assert_eq!(answer("REFUSED", false), Reach::Absent);
    }

    #[test]
    fn a_connection_to_a_resolver_or_to_the_gate_is_no_way_out_even_where_the_control_comes_no_further() {
        for evidence in [Evidence::OutsideName, Evidence::BeyondGate] {
            let inside = reach(&Observation::Connected, evidence);
            let found = blocked(inside, Some(reach(&Observation::Connected, Evidence::Target)));
            assert_ne!(found, F, "{evidence:?}");
        }
        assert_eq!(reach(&Observation::Connected, Evidence::OutsideName), Reach::Absent);
    }

    #[test]
    fn an_answer_on_the_wire_is_evidence_whatever_it_says() {
        let seen = [
            Observation::Answered { bytes: 1, what: "x".into() },
            Observation::Tls { leaf: String::new(), bytes: 1 },
            Observation::Http { status: 500, from: Speaker::Server, bytes: 1, port: None },
        ];
        assert!(seen.iter().all(|observation| reach(observation, Evidence::Target) == Reach::Reached));
        assert_eq!(reach(&Observation::Refused, Evidence::Target), Reach::Rejected);
        assert_eq!(reach(&Observation::Connected, Evidence::Target), Reach::Touched);
        assert_eq!(reach(&Observation::Silent, Evidence::Target), Reach::Absent);
    }
}
