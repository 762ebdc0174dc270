//! Records of the jail: what is in it, what came out, what a crash left.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use record::cellblock::Scan;
use record::fields::{Hash, Rule};
use record::{Action, Category, Kind, Outcome, Record, Severity, Type};

use super::{at, record};
use crate::jail::Sidecar;
use crate::jail::removal::{Remains, Removal};

/// The whole path that the file had.
fn whole_path(facts: &Sidecar) -> PathBuf {
    let below = facts.below().unwrap_or_else(|_| facts.path.clone().into_bytes());
    Path::new(&facts.share).join(OsStr::from_bytes(&below))
}

fn of(action: Action, facts: &Sidecar, message: String) -> Record {
    of_at(action, facts, &whole_path(facts), message)
}

fn of_at(action: Action, facts: &Sidecar, path: &Path, message: String) -> Record {
    let mut record = found_in(action, facts, path, message).about(Category::Malware, Type::Info);
    if let Some(file) = record.file.as_mut() {
        file.mode = Some(format!("{:04o}", facts.mode));
        file.uid = Some(facts.uid.to_string());
    }
    record.event.start = facts.jailed.parse().ok();
    record
}

/// A record of what was found, and in which content.
fn found_in(action: Action, facts: &Sidecar, path: &Path, message: String) -> Record {
    let mut record = record(action, message);
    let mut file = at(&mut record, path);
    file.size = Some(facts.size);
    file.inode = Some(facts.inode.to_string());
    file.hash = Some(Hash { sha256: Some(facts.sha256.clone()) });
    record.file = Some(file);
    record.rule = Some(Rule { name: Some(facts.found.clone()), ..Rule::default() });
    record.own().scan = Some(Scan {
        verdict: Some(facts.verdict.clone()),
        engine: Some(facts.engine.clone()),
        jail_id: Some(facts.id.clone()),
        kept: Some(true),
        ..Scan::default()
    });
    record
}

/// An entry of the jail, for `scanwatch jail list`.
pub(crate) fn entry(facts: &Sidecar) -> Record {
    of(
        Action::JailListed,
        facts,
        format!("{}: {} from {}, {} bytes.", facts.id, facts.found, whole_path(facts).display(), facts.size),
    )
}

/// An entry whose facts cannot be read.
pub(crate) fn no_facts(id: &str) -> Record {
    record(Action::JailVerified, format!("The facts of {id} cannot be read."))
        .about(Category::Malware, Type::Error)
        .severity(Severity::Medium)
        .outcome(Outcome::Unknown)
        .reason("its sidecar is damaged")
}

/// An entry that was held against its facts.
pub(crate) fn verified(facts: &Sidecar, trouble: Option<&str>, allowed: Option<&str>) -> Record {
    let state = if trouble.is_none() { "is whole" } else { "is not what it was" };
    let message = format!(
        "{}: {} from {}, {} bytes; it {state}.",
        facts.id,
        facts.found,
        whole_path(facts).display(),
        facts.size
    );
    let record = of(Action::JailVerified, facts, message);
    match (trouble, allowed) {
        (Some(trouble), _) => record.severity(Severity::High).outcome(Outcome::Failure).reason(trouble),
        (None, Some(reason)) => record.outcome(Outcome::Success).reason(format!("allowed by its hash: {reason}")),
        (None, None) => record.outcome(Outcome::Success),
    }
}

/// A file is back from the jail.
pub(crate) fn restored(facts: &Sidecar, path: &Path, owner: bool) -> Record {
    let record =
        of_at(Action::FileRestored, facts, path, format!("{} is back from the jail as {}.", facts.id, path.display()));
    let record = record.severity(Severity::Low).outcome(Outcome::Success);
    if owner { record } else { record.reason("its owner could not be given back") }
}

/// A file could not be restored, and stays in the jail.
pub(crate) fn restore_refused(facts: &Sidecar, why: &str) -> Record {
    of(Action::RestoreRefused, facts, format!("{} stays in the jail.", facts.id))
        .severity(Severity::Low)
        .outcome(Outcome::Failure)
        .reason(why)
}

/// A person allowed this very content.
pub(crate) fn hash_allowed(facts: &Sidecar, reason: &str) -> Record {
    let message = format!("Content with the hash of {} is left alone from now on.", facts.id);
    of(Action::HashAllowed, facts, message).kind(Kind::Alert).severity(Severity::Medium).reason(reason)
}

/// An entry was purged, and is gone for good.
pub(crate) fn purged(facts: &Sidecar) -> Record {
    of(Action::JailPurged, facts, format!("{} is removed from the jail for good.", facts.id))
}

/// A part that was tested: what, and what is wrong with it.
pub(crate) fn part(name: &str, message: String, outcome: Outcome, reason: Option<String>) -> Record {
    let mut record =
        record(Action::PartTested, message).kind(Kind::State).about(Category::Process, Type::Info).outcome(outcome);
    record.rule = Some(Rule { name: Some(name.to_owned()), ..Rule::default() });
    match (outcome, reason) {
        (Outcome::Success, _) => record,
        (_, reason) => record.severity(Severity::High).reason(reason.unwrap_or_default()),
    }
}

fn remains(action: Action, remains: &Remains, message: String) -> Record {
    let mut record = record(action, message).kind(Kind::Alert).about(Category::Malware, Type::Deletion);
    let file = at(&mut record, &remains.path);
    record.file = Some(file);
    record.own().scan = Some(Scan { jail_id: Some(remains.id.clone()), ..Scan::default() });
    record
}

/// What could not be emptied at first is empty.
pub(crate) fn remains_emptied(of: &Remains) -> Record {
    let message = format!("What was {} is empty now, and so is every other name of it.", of.path.display());
    let mut record = remains(Action::RemainsEmptied, of, message);
    if let Some(scan) = record.own().scan.as_mut() {
        scan.emptied = Some(true);
    }
    record.severity(Severity::Medium).outcome(Outcome::Success)
}

/// It is not, and nobody sees to it any more.
pub(crate) fn remains_given_up(of: &Remains) -> Record {
    let message =
        format!("What was {} is not empty: another name, or who has it open, still leads to it.", of.path.display());
    remains(Action::RemainsEmptied, of, message)
        .severity(Severity::Critical)
        .outcome(Outcome::Failure)
        .reason("too many files are waited for already: they run, or somebody holds leases on them")
}

/// What a crash left half done.
pub(crate) fn recovered(sidecar: &Sidecar, path: &Path, removal: &Removal) -> Record {
    let message = format!(
        "{} was in the jail as {} already when the warden was cut off; now it is complete.",
        path.display(),
        sidecar.id
    );
    let mut record = found_in(Action::JailRecovered, sidecar, path, message)
        .kind(Kind::Alert)
        .about(Category::Malware, Type::Deletion);
    if let Some(scan) = record.own().scan.as_mut() {
        scan.removed = Some(removal.removed);
        scan.emptied = Some(removal.emptied);
        scan.tombstone = Some(removal.tombstone);
    }
    record.severity(Severity::High).outcome(Outcome::Success).reason(removal.trouble.join("; "))
}

/// A copy that a crash left unfinished was thrown away.
pub(crate) fn undone(id: &str) -> Record {
    record(Action::JailRecovered, format!("The copy {id} was not finished when the warden was cut off; it is thrown away, and the original is scanned again."))
        .about(Category::Malware, Type::Info)
}
