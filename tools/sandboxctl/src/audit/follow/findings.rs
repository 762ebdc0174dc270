//! The findings so far: an audit tells what is new in it, and nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use record::{Outcome, Record};

use super::super::Scope;
use super::super::baseline::found;
use super::super::service::{HEALTH, NO_CHECK, PRESENT};

/// How it stood: the verdict, what was found, and in which container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    outcome: Outcome,
    found: Option<String>,
    container: Option<String>,
}

/// The findings so far, by fingerprint: what failed, or could not be told, when it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Findings {
    findings: BTreeMap<String, Standing>,
    /// By what was looked at, the fingerprints of what could not be told for the first time. A container that ends or
    /// starts again in the middle of an audit has no process for a moment: it is asked about once more before that is
    /// told.
    doubts: BTreeMap<Scope, BTreeSet<String>>,
}

impl Findings {
    /// Learns how it stands, and keeps nothing in doubt: for the first look, which writes no record.
    pub(super) fn learn(&mut self, scope: &Scope, audit: Vec<Record>) -> Vec<Record> {
        audit.into_iter().filter(|record| counts(record, scope)).filter_map(|record| self.difference(record)).collect()
    }

    /// Of an audit the records that tell something new: a finding that was none, or another than before; one that is
    /// mended. What could not be told is new only when the next audit of the same can't tell it either.
    pub(super) fn differences(&mut self, scope: &Scope, audit: Vec<Record>) -> Vec<Record> {
        let asked_again = self.doubts.remove(scope).unwrap_or_default();
        let is_doubtful = |record: &Record| {
            counts(record, scope) && self.is_newly_unknown(record) && !asked_again.contains(&record.fingerprint())
        };
        let (doubtful, sure): (Vec<Record>, Vec<Record>) = audit.into_iter().partition(is_doubtful);
        if !doubtful.is_empty() {
            self.doubts.insert(scope.clone(), doubtful.iter().map(Record::fingerprint).collect());
        }
        self.learn(scope, sure)
    }

    /// Is there something that this audit could not tell, and that is to be asked once more?
    pub(super) fn is_in_doubt(&self, scope: &Scope) -> bool {
        self.doubts.contains_key(scope)
    }

    fn is_newly_unknown(&self, record: &Record) -> bool {
        let standing = standing(record);
        standing.outcome == Outcome::Unknown && self.findings.get(&record.fingerprint()) != Some(&standing)
    }

    fn difference(&mut self, record: Record) -> Option<Record> {
        let (fingerprint, standing) = (record.fingerprint(), standing(&record));
        if standing.outcome == Outcome::Success {
            self.findings.remove(&fingerprint)?;
            return Some(mended(record));
        }
        let before = self.findings.insert(fingerprint, standing.clone());
        (before.as_ref() != Some(&standing)).then_some(record)
    }

    /// The container of this name is gone: another of the same name is a new one.
    pub(super) fn forget(&mut self, container: &str) {
        self.findings.retain(|_, finding| finding.container.as_deref() != Some(container));
    }

    /// The containers that have findings.
    pub(super) fn containers(&self) -> impl Iterator<Item = &str> {
        self.findings.values().filter_map(|finding| finding.container.as_deref())
    }
}

fn standing(record: &Record) -> Standing {
    Standing {
        outcome: record.event.outcome.unwrap_or(Outcome::Unknown),
        found: found(record),
        container: record.container.as_ref().and_then(|container| container.name.clone()),
    }
}

fn rule_of(record: &Record) -> &str {
    record.rule.as_ref().and_then(|rule| rule.id.as_deref()).unwrap_or_default()
}

/// That a container stopped, or is not well, the engine tells by events of its own; that a service is missing, only an
/// audit of all does.
fn counts(record: &Record, scope: &Scope) -> bool {
    let fine = record.event.outcome == Some(Outcome::Success);
    match rule_of(record) {
        id if id == PRESENT.id => fine || *scope == Scope::Composition,
        id if id == HEALTH.id => fine || standing(record).found.as_deref() == Some(NO_CHECK),
        _ => true,
    }
}

/// A known deviation has its own reason.
fn mended(record: Record) -> Record {
    if record.event.reason.is_some() {
        record
    } else {
        record.reason("it is mended: it did not hold, or was not known")
    }
}

#[cfg(test)]
mod tests {
    use record::cellblock::{Cell, Control};
    use record::fields::{Container, Rule};
    use record::{Action, Provider};

    use super::*;

    fn verdict(rule: &str, container: &str, outcome: Outcome, found: &str) -> Record {
        let mut record = Record::new(Provider::Sandboxctl, Action::ControlEvaluated, "m").outcome(outcome);
        let (id, category) = (Some(rule.to_owned()), Some("container".to_owned()));
        record.rule = Some(Rule { id, category, ..Rule::default() });
        record.container = Some(Container::named(container));
        let control = Control { found: Some(found.to_owned()), ..Control::default() };
        record.own().cell = Some(Cell { control: Some(control), ..Cell::default() });
        record
    }

    fn failed(rule: &str, found: &str) -> Record {
        verdict(rule, "x", Outcome::Failure, found)
    }

    fn told(findings: &mut Findings, audit: &[Record]) -> usize {
        findings.differences(&Scope::Changed("x".to_owned()), audit.to_vec()).len()
    }

    #[test]
    fn a_finding_is_told_once_and_again_when_it_is_another_and_when_it_is_mended() {
        let mut findings = Findings::default();
        let passed = verdict("a", "x", Outcome::Success, "");
        let audit = [failed("a", "1"), verdict("b", "x", Outcome::Success, ""), failed("c", "1")];
        assert_eq!(told(&mut findings, std::slice::from_ref(&passed)), 0, "what holds is nothing new");
        assert_eq!(told(&mut findings, &audit), 2);
        assert_eq!(told(&mut findings, &audit), 0, "the same audit again");
        assert_eq!(told(&mut findings, &[failed("a", "2"), failed("c", "1")]), 1, "what was found is another");
        let mended = findings.differences(&Scope::Changed("x".to_owned()), vec![passed.clone()]);
        assert!(mended[0].event.reason.as_deref().unwrap().contains("mended"), "{mended:?}");
        assert_eq!(told(&mut findings, &[passed]), 0);
    }

    #[test]
    fn what_could_not_be_told_is_asked_once_more_and_is_told_once_and_is_no_pass() {
        let mut findings = Findings::default();
        let unknown = |why: &str| verdict("a", "x", Outcome::Unknown, "").reason(why);
        assert_eq!(told(&mut findings, &[failed("a", "1")]), 1);
        assert_eq!(told(&mut findings, &[unknown("gone")]), 0);
        assert!(findings.is_in_doubt(&Scope::Changed("x".to_owned())));
        assert_eq!(told(&mut findings, &[unknown("still gone")]), 1);
        assert!(!findings.is_in_doubt(&Scope::Changed("x".to_owned())));
        assert_eq!(told(&mut findings, &[unknown("gone again")]), 0);
        assert_eq!(told(&mut findings, &[failed("a", "1")]), 1, "it is known again, and still fails");
    }

    #[test]
    fn an_audit_that_a_restart_overtook_tells_nothing_and_neither_does_the_next() {
        let mut findings = Findings::default();
        let (finding, unknown) = (failed("a", "1"), verdict("a", "x", Outcome::Unknown, ""));
        let (fine, unclear) = (verdict("b", "x", Outcome::Success, ""), verdict("b", "x", Outcome::Unknown, ""));
        assert_eq!(told(&mut findings, &[finding.clone(), fine.clone()]), 1);
        assert_eq!(told(&mut findings, &[unknown.clone(), unclear.clone()]), 0);
        assert_eq!(told(&mut findings, &[finding, fine]), 0, "as before, so nothing is mended either");
        assert_eq!(told(&mut findings, &[unknown, unclear]), 0, "the doubts of an earlier restart count no more");
    }

    #[test]
    fn how_it_stood_at_the_first_look_is_kept_without_a_doubt() {
        let mut findings = Findings::default();
        let unknown = verdict("a", "x", Outcome::Unknown, "");
        findings.learn(&Scope::Composition, vec![unknown.clone()]);
        assert!(!findings.is_in_doubt(&Scope::Composition));
        assert_eq!(findings.differences(&Scope::Composition, vec![unknown]).len(), 0);
    }

    #[test]
    fn the_same_weakness_of_another_container_or_of_a_new_one_is_another() {
        let mut findings = Findings::default();
        assert_eq!(told(&mut findings, &[failed("a", "1"), verdict("a", "y", Outcome::Failure, "1")]), 2);
        assert_eq!(findings.containers().collect::<Vec<_>>(), ["x", "y"]);
        findings.forget("x");
        assert_eq!(told(&mut findings, &[failed("a", "1"), verdict("a", "y", Outcome::Failure, "1")]), 1);
    }

    #[test]
    fn a_restart_repeats_nothing_although_its_processes_have_other_numbers() {
        let mut findings = Findings::default();
        assert_eq!(told(&mut findings, &[failed("cellblock-seccomp-in-effect", "process 7: without a filter")]), 1);
        assert_eq!(told(&mut findings, &[failed("cellblock-seccomp-in-effect", "process 9: without a filter")]), 0);
    }

    #[test]
    fn what_the_engine_tells_itself_is_not_told_twice() {
        let mut findings = Findings::default();
        let (stopped, ill) = (failed(PRESENT.id, "stopped"), failed(HEALTH.id, "unhealthy"));
        let starting = verdict(HEALTH.id, "x", Outcome::Unknown, "");
        assert_eq!(told(&mut findings, &[stopped.clone(), ill, starting]), 0);
        assert_eq!(told(&mut findings, &[failed(HEALTH.id, NO_CHECK)]), 1);
        assert_eq!(findings.differences(&Scope::Composition, vec![stopped]).len(), 1, "a service that is missing");
    }
}
