//! The spool's hash chains, computed again and held against all that remembers them.
//!
//! A chain alone finds what was changed in the middle. A whole segment, or the end of one, that was taken away is
//! found: somebody remembers how far it went and with which link: see [`super::witness`].

use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use record::cellblock::Spool;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::unsigned;
use super::walk::{Found, walk};
use super::witness::Witnesses;
use crate::database::{self, Lock};
use crate::fold::{self, Seen};
use crate::plural::many;
use crate::rows::{self, Chains, Wrong};
use crate::spool;
use crate::store::Store;
use crate::trust;

/// How long to wait for whoever folds.
const WAIT: Duration = Duration::from_secs(10);
/// The most memory that reading what is remembered may use.
const MEMORY: &str = "512MiB";

/// The verdict on each segment, and last the one on the whole record.
///
/// # Errors
/// If there is no record, another process has it, or it cannot be read.
pub(crate) fn verify(store: &Store) -> Result<Vec<Record>> {
    let directory = store.directory().display();
    let there = store.directory().is_dir();
    // Held to the end: what is pruned meanwhile would look taken.
    let _lock = match there.then(|| Lock::shared(&store.lock(), WAIT)).transpose()? {
        Some(None) => {
            bail!("{directory}: another process has had the database for {} s; try again", WAIT.as_secs())
        }
        lock => lock,
    };
    // The witnesses first: the spool only grows, and nothing is added behind an end that they know.
    let (seen, wrong) = remembered(store)?;
    let mut witnesses = Witnesses::of_database(seen).with_checkpoints(store)?;
    // The folder is gone. If the log or an anchor knows this record, that is a finding, and no mistake in the name.
    if !there && witnesses.know_nothing() {
        bail!("{directory}: no record here; --directory names another");
    }
    witnesses.faults.extend(wrong.whole);
    let mut held = held(store, &witnesses)?;
    for (name, found) in held.iter_mut().filter(|(_, found)| !found.is_bad()) {
        wrong.segments.get(name).iter().for_each(|why| found.fail((*why).clone()));
    }
    let complete = completeness(&held, &witnesses);
    let segments = held.into_iter().map(|(name, found)| segment_record(&name, found));
    Ok(segments.chain([complete]).collect())
}

/// How each segment stands that is there or is remembered.
///
/// # Errors
/// If the spool cannot be read.
pub(super) fn held(store: &Store, witnesses: &Witnesses) -> Result<Vec<(String, Found)>> {
    let mut held = Vec::new();
    let now = Timestamp::now();
    let there = store.spool().segments()?;
    for segment in &there {
        let marks = witnesses.marks.get(&segment.name).map(Vec::as_slice).unwrap_or_default();
        let path = store.spool().path().join(&segment.name);
        let told = || format!("{}: cannot be read", path.display());
        let mut found = walk(&path, marks, witnesses.ends.get(&segment.name)).with_context(told)?;
        // One that a writer has open was put back by nobody, whatever its clock says.
        if witnesses.is_let_go(&segment.name) && spool::is_closed(&path).with_context(told)? {
            found.fail("`prune` let it go and removed it, and it was put back".to_owned());
        } else if witnesses.is_begun(&segment.name) && !found.is_bad() {
            found.reason = Some("`prune` was ended before it removed this; the next one does".to_owned());
        }
        if witnesses.outside && !witnesses.is_begun(&segment.name) {
            unsigned::doubt(&segment.name, &mut found, now);
        }
        held.push((segment.name.clone(), found));
    }
    let gone = |name: &str| !there.iter().any(|segment| segment.name == name) && !witnesses.is_pruned(name);
    for (name, said) in witnesses.last_words().into_iter().filter(|(name, _)| gone(name)) {
        let mut found = Found::default();
        found.fail(format!("{said}, and the file is gone"));
        held.push((name.to_owned(), found));
    }
    Ok(held)
}

/// What the database remembers of segments, and what is wrong with its rows.
fn rows_of(store: &Store) -> Result<(Vec<Seen>, Wrong)> {
    let connection = database::open_to_check(&store.database(), MEMORY)?;
    let seen = fold::seen(&connection)?;
    let wrong = rows::check(&connection, store, &seen, Chains::Believed)?;
    Ok((seen, wrong))
}

fn remembered(store: &Store) -> Result<(Vec<Seen>, Wrong)> {
    if !store.database().exists() {
        return Ok((Vec::new(), Wrong::default()));
    }
    let before = trust::stamp(store);
    let (seen, wrong) = match rows_of(store) {
        // The chains are held against all else that remembers them.
        Err(error) if database::is_broken(&error) => {
            let whole = Some(format!("the database cannot be read: {error:#}"));
            return Ok((Vec::new(), Wrong { whole, ..Wrong::default() }));
        }
        rows => rows?,
    };
    if wrong.is_nothing() {
        trust::keep(store, before);
    }
    Ok((seen, wrong))
}

/// Is everything there that was ever written? The second verdict, beside that of each segment.
fn completeness(held: &[(String, Found)], witnesses: &Witnesses) -> Record {
    let sum = |of: fn(&Found) -> u64| held.iter().map(|(_, found)| of(found)).sum::<u64>();
    let (lines, anchored) = (sum(|found| found.lines), sum(|found| found.anchored));
    let signed = sum(|found| found.signed.saturating_sub(found.anchored));
    let chained = sum(|found| found.lines.saturating_sub(found.signed.max(found.anchored)));
    let mut said = format!("{anchored} anchored, {signed} only signed, {chained} only chained");
    if let (segments @ 1.., gone) = witnesses.let_go {
        let (gone, segments) = (many(gone, "line", "lines"), many(segments, "segment", "segments"));
        said.push_str(&format!("; {gone} of {segments} were pruned"));
    }
    let bad = held.iter().filter(|(_, found)| found.is_bad()).count() as u64;
    let unsigned = held.iter().filter(|(_, found)| found.outcome == Outcome::Unknown).count() as u64;
    let (outcome, verdict, reason) = if let Some(fault) = witnesses.faults.first() {
        (Outcome::Failure, "is not what was written", Some(fault.clone()))
    } else if bad > 0 {
        let segments = many(bad, "segment is", "segments are");
        (Outcome::Failure, "is not complete", Some(format!("{segments} not as it was written")))
    } else if let Some(unknown) = witnesses.unknown.first() {
        (Outcome::Unknown, "may not be complete", Some(unknown.clone()))
    } else if unsigned > 0 {
        let segments = many(unsigned, "segment was", "segments were");
        (Outcome::Unknown, "may hold lines of somebody else", Some(format!("{segments} signed by nobody")))
    } else if !witnesses.outside {
        let why = "no checkpoint was ever signed, so nobody outside its folder remembers how much there was";
        (Outcome::Unknown, "may not be complete", Some(why.to_owned()))
    } else {
        (Outcome::Success, "is complete", None)
    };
    let lines_said = many(lines, "line", "lines");
    let mut record =
        Record::new(Provider::Auditdb, Action::RecordVerified, format!("The record {verdict}: {lines_said}, {said}."))
            .about(Category::Database, Type::Info)
            .outcome(outcome);
    if outcome == Outcome::Failure {
        record = record.kind(Kind::Alert).severity(Severity::High);
    }
    record.event.reason = reason;
    record.own().spool =
        Some(Spool { lines: Some(lines), signed: Some(signed), anchored: Some(anchored), ..Spool::default() });
    record
}

pub(crate) fn segment_record(name: &str, found: Found) -> Record {
    let message = match found.outcome {
        Outcome::Success if found.lines > 0 => format!("Segment {name} is as it was written: {}.", found.ranges()),
        Outcome::Success => format!("Segment {name} is as it was written."),
        Outcome::Unknown => format!("Nobody vouches for segment {name}: {}.", found.ranges()),
        _ => format!("Segment {name}, or its part of the database, is not as it was written."),
    };
    let mut record = Record::new(Provider::Auditdb, Action::SegmentVerified, message)
        .about(Category::Database, Type::Info)
        .outcome(found.outcome);
    if found.outcome == Outcome::Failure {
        record = record.kind(Kind::Alert).severity(Severity::High);
    }
    record.event.reason = found.reason;
    let (bytes, head) = found.reached.map(|(at, link)| (at, link.to_string())).unzip();
    record.own().spool =
        Some(Spool { segment: Some(name.to_owned()), lines: Some(found.lines), bytes, head, ..Spool::default() });
    record
}
