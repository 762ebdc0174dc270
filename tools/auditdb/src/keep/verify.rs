//! `auditdb verify`: the spool's hash chains, computed again and held against all that remembers them.
//!
//! A chain alone finds what was changed in the middle. A whole segment, or the end of one, that was taken away is
//! found: somebody remembers how far it went and with which link: see [`super::witness`].

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use record::cellblock::Spool;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};
use tool::{Exit, OutputArgs, Purpose, Writer};

use super::witness::{By, Mark, Witnesses};
use crate::chain::Link;
use crate::database::{self, Lock};
use crate::fold::{self, Seen};
use crate::plural::many;
use crate::rows::{self, Chains, Wrong};
use crate::spool::{Read, Reader};
use crate::store::Store;
use crate::trust;

/// How long whoever folds is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// The most memory that reading what is remembered may use.
const MEMORY: &str = "512MiB";

/// How a segment stands: as it was written, until something says otherwise.
#[derive(Debug)]
pub(super) struct Found {
    outcome: Outcome,
    reason: Option<String>,
    lines: u64,
    /// Of these, lines that a checkpoint speaks of, and lines that an anchor does.
    signed: u64,
    anchored: u64,
    /// How many lines each anchor speaks of.
    places: BTreeMap<String, u64>,
    reached: Option<(u64, Link)>,
}

impl Default for Found {
    fn default() -> Self {
        let (outcome, reason, places) = (Outcome::Success, None, BTreeMap::new());
        Self { outcome, reason, lines: 0, signed: 0, anchored: 0, places, reached: None }
    }
}

impl Found {
    /// Is it not as it was written?
    pub(super) fn is_bad(&self) -> bool {
        self.outcome == Outcome::Failure
    }
}

/// `auditdb verify`
pub(crate) fn verify(store: &Store, output: OutputArgs) -> Result<Exit> {
    let directory = store.directory().display();
    if !store.directory().is_dir() {
        bail!("{directory}: no record here; --directory names another");
    }
    // Held to the end: what is pruned meanwhile would look taken.
    let Some(_lock) = Lock::shared(&store.lock(), WAIT)? else {
        bail!("{directory}: another process has had the database for {} s; try again", WAIT.as_secs());
    };
    // The witnesses first: the spool only grows.
    let (seen, wrong) = remembered(store)?;
    let mut witnesses = Witnesses::of_database(seen).with_checkpoints(store)?;
    witnesses.faults.extend(wrong.whole);
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    let mut held = held(store, &witnesses)?;
    for (name, found) in held.iter_mut().filter(|(_, found)| !found.is_bad()) {
        wrong.segments.get(name).iter().for_each(|why| found.fail((*why).clone()));
    }
    let complete = completeness(&held, &witnesses);
    for (name, found) in held {
        out.check(&tell(&name, found))?;
    }
    out.check(&complete)?;
    out.finish()
}

/// How each segment stands that is there or is remembered.
///
/// # Errors
/// If the spool cannot be read.
pub(super) fn held(store: &Store, witnesses: &Witnesses) -> Result<Vec<(String, Found)>> {
    let mut held = Vec::new();
    let there = store.spool().segments()?;
    for segment in &there {
        let marks = witnesses.marks.get(&segment.name).map(Vec::as_slice).unwrap_or_default();
        let path = store.spool().path().join(&segment.name);
        let found = walk(&path, marks).with_context(|| format!("{}: cannot be read", path.display()))?;
        held.push((segment.name.clone(), found));
    }
    let gone = |name: &str| !there.iter().any(|segment| segment.name == name) && !witnesses.is_pruned(name);
    for (name, marks) in witnesses.marks.iter().filter(|(name, _)| gone(name)) {
        let Some(last) = marks.last() else { continue };
        let reason = Some(format!("{}, and the file is gone", last.said()));
        let found = Found { outcome: Outcome::Failure, reason, ..Found::default() };
        held.push((name.clone(), found));
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

/// Follows a segment's chain to its end, and past the marks, which stand in the order of their places.
fn walk(path: &std::path::Path, marks: &[Mark]) -> std::io::Result<Found> {
    let mut reader = Reader::open(path, None)?;
    let mut marks = marks.iter().peekable();
    let mut found = Found::default();
    loop {
        let read = reader.next()?;
        found.reached = reader.reached();
        if let Read::Batch(batch, _) = &read {
            found.lines += batch.lines;
        }
        let at = if matches!(read, Read::Batch(..)) { found.reached.map_or(0, |(at, _)| at) } else { u64::MAX };
        while let Some(mark) = marks.next_if(|mark| mark.at <= at) {
            if !found.meets(mark) {
                return Ok(found);
            }
        }
        match read {
            Read::Batch(..) => {}
            Read::End => return Ok(found),
            Read::Damaged(reason) => {
                found.fail(reason);
                return Ok(found);
            }
            Read::Torn(bytes) => {
                let torn = "at its end were never acknowledged: its writer is at it, or died";
                found.reason = Some(format!("{} {torn}", many(bytes, "byte", "bytes")));
                return Ok(found);
            }
        }
    }
}

impl Found {
    fn fail(&mut self, reason: String) {
        self.outcome = Outcome::Failure;
        self.reason = Some(reason);
    }

    /// Does the chain come by the mark? One without lines stands anywhere.
    fn meets(&mut self, mark: &Mark) -> bool {
        if mark.lines > 0 && self.reached != Some((mark.at, mark.link)) {
            let why = "its chain does not come by there: lines were taken away or replaced";
            self.fail(format!("{}, and {why}", mark.said()));
            return false;
        }
        match &mark.by {
            By::Database => {}
            By::Log(_) => self.signed = self.lines,
            By::Anchor(file, _) => {
                self.anchored = self.lines;
                self.places.insert(file.clone(), self.lines);
            }
        }
        true
    }

    /// Which of its lines are anchored where, which only signed, and which only chained.
    fn ranges(&self) -> String {
        let signed = self.signed.max(self.anchored);
        let mut said: Vec<String> =
            self.places.iter().map(|(file, lines)| format!("lines 1 to {lines} are anchored in {file}")).collect();
        for (from, to, how) in [(self.anchored, signed, "signed"), (signed, self.lines, "chained")] {
            if to > from {
                said.push(format!("lines {} to {to} are only {how}", from + 1));
            }
        }
        said.join(", ")
    }
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
    let (outcome, verdict, reason) = if let Some(fault) = witnesses.faults.first() {
        (Outcome::Failure, "is not what was written", Some(fault.clone()))
    } else if bad > 0 {
        let segments = many(bad, "segment is", "segments are");
        (Outcome::Failure, "is not complete", Some(format!("{segments} not as it was written")))
    } else if let Some(unknown) = witnesses.unknown.first() {
        (Outcome::Unknown, "may not be complete", Some(unknown.clone()))
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

pub(super) fn tell(name: &str, found: Found) -> Record {
    let message = match found.outcome {
        Outcome::Success if found.lines > 0 => format!("Segment {name} is as it was written: {}.", found.ranges()),
        Outcome::Success => format!("Segment {name} is as it was written."),
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
