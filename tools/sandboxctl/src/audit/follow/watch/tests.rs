use record::fields::{Container, Rule};
use tool::Purpose;

use super::super::super::tests::policy;
use super::*;

fn verdict(outcome: Outcome) -> Record {
    let mut record = Record::new(Provider::Sandboxctl, Action::ControlEvaluated, "m").outcome(outcome);
    record.rule = Some(Rule { id: Some("a".to_owned()), category: Some("container".to_owned()), ..Rule::default() });
    record.container = Some(Container::named("x"));
    record
}

/// A watch whose first look at all is over.
fn watch() -> Watch {
    let mut watch = Watch::new(&policy());
    told(&mut watch, Changed::All, Ok(Some(Vec::new())));
    watch
}

/// How many records an audit adds to the output.
fn told(watch: &mut Watch, changed: Changed, found: anyhow::Result<Option<Vec<Record>>>) -> u64 {
    let mut out = Writer::to(Vec::new(), Provider::Sandboxctl, Purpose::Tell);
    watch.settle((changed, found), &mut out).unwrap();
    out.counts().checked
}

fn of_x(watch: &mut Watch, audit: Vec<Record>) -> u64 {
    told(watch, Changed::Container("x".to_owned()), Ok(Some(audit)))
}

#[test]
fn an_audit_that_can_not_be_made_is_told_once_however_often_it_is_tried() {
    let mut watch = watch();
    let try_it = |watch: &mut Watch| told(watch, Changed::Container("x".to_owned()), Err(anyhow::anyhow!("away")));
    assert_eq!([try_it(&mut watch), try_it(&mut watch), try_it(&mut watch)], [1, 0, 0]);
    assert!(watch.due.has(&Changed::Container("x".to_owned())), "it is tried again");
    of_x(&mut watch, vec![verdict(Outcome::Success)]);
    assert_eq!(try_it(&mut watch), 1, "it could be made in between");
}

#[test]
fn a_container_that_went_before_its_audit_is_another_when_it_is_back() {
    let mut watch = watch();
    assert_eq!(of_x(&mut watch, vec![verdict(Outcome::Failure)]), 1);
    assert_eq!(of_x(&mut watch, vec![verdict(Outcome::Failure)]), 0);
    assert_eq!(of_x(&mut watch, Vec::new()), 0);
    assert_eq!(of_x(&mut watch, vec![verdict(Outcome::Failure)]), 1);
}

#[test]
fn what_an_audit_can_not_tell_is_due_once_more_and_told_then() {
    let mut watch = watch();
    assert_eq!(of_x(&mut watch, vec![verdict(Outcome::Unknown)]), 0);
    assert!(watch.due.has(&Changed::Container("x".to_owned())));
    assert!(watch.due.at() > Some(Instant::now()), "not at once: what ends is given time to end");
    watch.due = Due::default();
    assert_eq!(of_x(&mut watch, vec![verdict(Outcome::Unknown)]), 1);
    assert!(!watch.due.has(&Changed::Container("x".to_owned())));
}
