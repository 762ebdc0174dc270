//! `auditdb verify`: the spool's hash chains, computed again and held against what the database remembers.
//!
//! A chain alone finds what was changed in the middle. That a whole segment, or the end of one, was
//! taken away is found because the database remembers how far it was folded and with which link.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use record::cellblock::Spool;
use record::{Action, Category, Exit, Kind, Outcome, OutputArgs, Provider, Purpose, Record, Severity, Type, Writer};

use crate::database::{self, Lock};
use crate::fold::{Seen, seen};
use crate::place::Place;
use crate::spool::chain::Link;
use crate::spool::{Read, Reader};

/// How long whoever folds is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// The most memory that reading what is remembered may use.
const MEMORY: &str = "512MiB";

/// How a segment stands.
#[derive(Debug)]
pub(super) struct Found {
    outcome: Outcome,
    reason: Option<String>,
    lines: u64,
    reached: Option<(u64, Link)>,
}

impl Found {
    /// Is it not as it was written?
    pub(super) fn is_bad(&self) -> bool {
        self.outcome == Outcome::Failure
    }
}

/// `auditdb verify`
pub(crate) fn verify(place: &Place, output: OutputArgs) -> Result<Exit> {
    if !place.directory().is_dir() {
        bail!("{}: no record here; --directory names another", place.directory().display());
    }
    let remembered = remembered(place)?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    for (name, found) in held(place, remembered)? {
        out.check(&tell(&name, found))?;
    }
    out.finish()
}

/// How each segment stands that is there or is remembered.
///
/// # Errors
/// If the spool cannot be read.
pub(super) fn held(place: &Place, mut remembered: Vec<Seen>) -> Result<Vec<(String, Found)>> {
    let mut held = Vec::new();
    for segment in place.spool().segments()? {
        let before = remembered.iter().position(|seen| seen.name == segment.name).map(|at| remembered.swap_remove(at));
        let path = place.spool().path().join(&segment.name);
        let found = walk(&path, before.as_ref()).with_context(|| format!("{}: cannot be read", path.display()))?;
        held.push((segment.name, found));
    }
    held.extend(remembered.into_iter().map(|gone| {
        let reason = format!("the database holds {} lines of it, and the file is gone", gone.lines);
        (gone.name, Found { outcome: Outcome::Failure, reason: Some(reason), lines: 0, reached: None })
    }));
    Ok(held)
}

fn remembered(place: &Place) -> Result<Vec<Seen>> {
    if !place.database().exists() {
        return Ok(Vec::new());
    }
    let Some(_lock) = Lock::shared(&place.lock(), WAIT)? else {
        bail!(
            "{}: another process has had the database for {} s; try again",
            place.directory().display(),
            WAIT.as_secs()
        );
    };
    seen(&database::open_to_read(&place.database(), MEMORY)?)
}

/// Follows a segment's chain to its end.
fn walk(path: &std::path::Path, before: Option<&Seen>) -> std::io::Result<Found> {
    let mut reader = Reader::open(path, None)?;
    let mut lines = 0;
    let mut met = before.is_none_or(|seen| seen.reached.is_none());
    loop {
        let read = reader.next()?;
        let reached = reader.reached();
        met = met || before.is_some_and(|seen| seen.reached == reached);
        let found = |outcome, reason| Ok(Found { outcome, reason, lines, reached });
        match read {
            Read::Batch(batch, _) => lines += batch.lines,
            Read::Damaged(reason) => return found(Outcome::Failure, Some(reason)),
            Read::End | Read::Torn(_) if !met => {
                let reason = "its chain does not come by the link that the database remembers: lines were taken away or replaced";
                return found(Outcome::Failure, Some(reason.to_owned()));
            }
            Read::End => return found(Outcome::Success, None),
            Read::Torn(bytes) => {
                return found(
                    Outcome::Success,
                    Some(format!("{bytes} bytes at its end were never acknowledged: its writer is at it, or died")),
                );
            }
        }
    }
}

pub(super) fn tell(name: &str, found: Found) -> Record {
    let message = match found.outcome {
        Outcome::Success => format!("Segment {name} is as it was written."),
        _ => format!("Segment {name} is not as it was written."),
    };
    let mut record = Record::new(Provider::Auditdb, Action::SegmentVerified, message)
        .about(Category::Database, Type::Info)
        .outcome(found.outcome);
    if found.outcome == Outcome::Failure {
        record = record.kind(Kind::Alert).severity(Severity::High);
    }
    record.event.reason = found.reason;
    let (bytes, head) = found.reached.map(|(at, link)| (at, link.to_string())).unzip();
    record.own().spool = Some(Spool { segment: Some(name.to_owned()), lines: Some(found.lines), bytes, head });
    record
}
