//! The verdict: what the policy expects, held against what was seen inside and outside.
//!
//! Pure, and small enough to be tested in full. Three rules stand behind the table:
//! a failure needs evidence, a success needs a control that worked, and all else is unknown.

use record::Outcome;
use record::cellblock::{Evidence, Expect};

use crate::sight::{Sight, Speaker};

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

/// Three-valued, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The verdict.
    pub(crate) outcome: Outcome,
    /// Why, in half a sentence.
    pub(crate) reason: &'static str,
}

/// How far a sight came, when this is what counts as evidence.
pub(crate) fn reach(sight: &Sight, evidence: Evidence) -> Reach {
    match (sight, evidence) {
        (Sight::NotMade(_), _) => Reach::NotMade,
        (Sight::Silent | Sight::Unreachable(_) | Sight::NotResolved(_), _) => Reach::Absent,
        // The gate speaks for itself: what it refuses or closes has not gone through it.
        (
            Sight::Http { from: Speaker::GateRefuses, .. } | Sight::NameRefused | Sight::Closed | Sight::Refused,
            Evidence::BeyondGate,
        ) => Reach::Absent,
        (Sight::Http { from: Speaker::GateFailed, .. }, Evidence::BeyondGate) => Reach::Rejected,
        (Sight::Http { .. } | Sight::Tls { .. }, _) => Reach::Reached,
        (Sight::Answered { .. } | Sight::NameRefused, Evidence::Target) => Reach::Reached,
        (Sight::Answered { .. } | Sight::NameRefused, _) => Reach::Rejected,
        (Sight::Dns(answer), Evidence::OutsideName) => match answer.code.as_str() {
            "NOERROR" | "NXDOMAIN" if answer.from_outside => Reach::Reached,
            // Docker's own resolver can say this too, of names that it alone knows.
            "NOERROR" | "NXDOMAIN" => Reach::Rejected,
            _ => Reach::Absent,
        },
        (Sight::Dns(_), _) => Reach::Reached,
        // Docker's resolver and the gate take a connection from anybody, and that is all it shows.
        (Sight::Connected | Sight::Closed | Sight::Refused, Evidence::OutsideName) => Reach::Absent,
        (Sight::Connected, Evidence::BeyondGate) => Reach::Rejected,
        (Sight::Connected | Sight::Closed, Evidence::Target) => Reach::Touched,
        (Sight::Refused, _) => Reach::Rejected,
    }
}

/// The verdict. `control` is what the same question came to outside, where it was asked.
pub(crate) fn verdict(expect: Expect, inside: Reach, control: Option<Reach>) -> Verdict {
    let (outcome, reason) = match expect {
        Expect::Pass => must_pass(inside, control),
        Expect::Blocked => must_not(inside, control),
    };
    Verdict { outcome, reason }
}

fn must_pass(inside: Reach, control: Option<Reach>) -> (Outcome, &'static str) {
    match (inside, control) {
        (Reach::Reached, _) => (Outcome::Success, "it answered"),
        (Reach::NotMade, _) => (Outcome::Unknown, "the probe could not be made"),
        (Reach::Touched, _) => {
            (Outcome::Unknown, "something completed the handshake, and no byte of the target's came")
        }
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
        (Reach::Touched, Some(Reach::Touched)) => (Outcome::Failure, "the same handshake completes inside as outside"),
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

    #[test]
    fn every_combination_ends_as_the_table_says() {
        for (expect, table) in [(Expect::Blocked, MUST_NOT), (Expect::Pass, MUST_PASS)] {
            for (inside, row) in REACHES.into_iter().zip(table) {
                let controls = std::iter::once(None).chain(REACHES.map(Some));
                for (control, expected) in controls.zip(row) {
                    let found = verdict(expect, inside, control);
                    assert_eq!(found.outcome, expected, "{expect:?} {inside:?} {control:?}");
                    assert!(!found.reason.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_refusal_of_the_gate_is_no_way_out_but_one_of_a_target_is() {
        let refusal = Sight::Http { status: 403, from: Speaker::GateRefuses, bytes: 90 };
        assert_eq!(reach(&refusal, Evidence::BeyondGate), Reach::Absent);
        assert_eq!(reach(&refusal, Evidence::Target), Reach::Reached);
        let nobody_behind = Sight::Http { status: 502, from: Speaker::GateFailed, bytes: 90 };
        assert_eq!(reach(&nobody_behind, Evidence::BeyondGate), Reach::Rejected);
        let upstream = Sight::Http { status: 404, from: Speaker::Server, bytes: 90 };
        assert_eq!(reach(&upstream, Evidence::BeyondGate), Reach::Reached);
    }

    #[test]
    fn an_alert_that_knows_no_such_name_is_the_gate_s_no_and_elsewhere_an_answer() {
        let inside = reach(&Sight::NameRefused, Evidence::BeyondGate);
        assert_eq!(verdict(Expect::Blocked, inside, Some(Reach::Reached)).outcome, S);
        assert_eq!(verdict(Expect::Blocked, inside, None).outcome, U);
        assert_eq!(reach(&Sight::NameRefused, Evidence::Target), Reach::Reached);
    }

    #[test]
    fn a_name_left_only_when_the_answer_could_not_be_made_up_inside() {
        let answer = |code: &str, from_outside| {
            let name = "x.example.com".to_owned();
            let sight =
                Sight::Dns(crate::sight::Answer { name, code: code.into(), addresses: Vec::new(), from_outside });
            reach(&sight, Evidence::OutsideName)
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
            let inside = reach(&Sight::Connected, evidence);
            let found = verdict(Expect::Blocked, inside, Some(reach(&Sight::Connected, Evidence::Target)));
            assert_ne!(found.outcome, F, "{evidence:?}");
        }
        assert_eq!(reach(&Sight::Connected, Evidence::OutsideName), Reach::Absent);
    }

    #[test]
    fn an_answer_on_the_wire_is_evidence_whatever_it_says() {
        let seen = [
            Sight::Answered { bytes: 1, what: "x".into() },
            Sight::Tls { leaf: String::new(), bytes: 1 },
            Sight::Http { status: 500, from: Speaker::Server, bytes: 1 },
        ];
        assert!(seen.iter().all(|sight| reach(sight, Evidence::Target) == Reach::Reached));
        assert_eq!(reach(&Sight::Refused, Evidence::Target), Reach::Rejected);
        assert_eq!(reach(&Sight::Connected, Evidence::Target), Reach::Touched);
        assert_eq!(reach(&Sight::Silent, Evidence::Target), Reach::Absent);
    }
}
