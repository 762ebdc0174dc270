//! Records of the engine and the queue before it.

use record::cellblock::Scan;
use record::fields::Rule;
use record::{Action, Category, Kind, Outcome, Record, Severity, Type};

use super::{nanoseconds, record};
use crate::clamd::EngineVersion;
use crate::clamd::status::OwnSignatures;
use crate::queue::Backlog;

/// The engine does not answer.
pub(crate) fn scanner_unavailable(where_: &str, error: &str, backlog: Backlog) -> Record {
    let record =
        record(Action::ScannerUnavailable, format!("clamd at {where_} does not answer; files wait, none is lost."));
    waiting(record.kind(Kind::Alert).about(Category::Process, Type::Error), backlog)
        .severity(Severity::High)
        .outcome(Outcome::Unknown)
        .reason(error)
}

/// The engine answers (again).
pub(crate) fn scanner_up(action: Action, message: String, version: &str, backlog: Backlog) -> Record {
    let mut record = waiting(record(action, message).about(Category::Process, Type::Info), backlog);
    if let Some(scan) = record.own().scan.as_mut() {
        scan.engine = Some(version.to_owned());
    }
    record.outcome(Outcome::Success)
}

/// The engine answers, and cannot be relied on.
pub(crate) fn scanner_degraded(version: &str, doubts: &str, used: bool) -> Record {
    let then = if used { "it is used all the same, as --allow-degraded says" } else { "files wait" };
    let mut record = record(Action::ScannerDegraded, format!("clamd ({version}) cannot be relied on; {then}."));
    record.own().scan = Some(Scan { engine: Some(version.to_owned()), ..Scan::default() });
    record
        .kind(Kind::Alert)
        .about(Category::Process, Type::Error)
        .severity(Severity::High)
        .outcome(Outcome::Unknown)
        .reason(doubts)
}

/// The engine has other signatures now, so all files are scanned again.
pub(crate) fn signatures_changed(before: &EngineVersion, now: &EngineVersion) -> Record {
    let mut record = record(
        Action::SignaturesChanged,
        format!("The engine was {before} and is {now}: everything is scanned again, the newest first."),
    )
    .about(Category::Configuration, Type::Change);
    record.rule = Some(Rule { ruleset: Some(now.ruleset()), ..Rule::default() });
    record.own().scan = Some(Scan { engine: Some(now.version.clone()), ..Scan::default() });
    record
}

/// Signatures of one's own were refused: why, in the words of who checked them; or they are in force
/// (again).
pub(crate) fn own_signatures(state: &OwnSignatures) -> Record {
    match state {
        OwnSignatures::InForce(name) => {
            record(Action::SignaturesAccepted, format!("Signatures of your own are in force: {name}."))
                .about(Category::Configuration, Type::Info)
                .outcome(Outcome::Success)
        }
        OwnSignatures::Refused(why) => record(
            Action::SignaturesRefused,
            "Signatures of your own are broken, and were not loaded; those before go on.".to_owned(),
        )
        .kind(Kind::Alert)
        .about(Category::Configuration, Type::Error)
        .severity(Severity::High)
        .outcome(Outcome::Failure)
        .reason(why.as_str()),
    }
}

/// How many files wait, and for how long the first of them has.
pub(crate) fn backlog(backlog: Backlog) -> Record {
    let message =
        format!("{} files wait to be scanned, the first of them for {} s.", backlog.depth, backlog.oldest.as_secs());
    waiting(record(Action::BacklogReported, message).kind(Kind::Metric).about(Category::Process, Type::Info), backlog)
}

fn waiting(mut record: Record, backlog: Backlog) -> Record {
    record.own().scan =
        Some(Scan { depth: Some(backlog.depth as u64), oldest: Some(nanoseconds(backlog.oldest)), ..Scan::default() });
    record
}
