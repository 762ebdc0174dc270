//! One segment, followed from its head to its end and held against what is remembered of it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use record::Outcome;

use super::witness::{By, Ended, Mark};
use crate::chain::Link;
use crate::line::{self, Scanner};
use crate::plural::many;
use crate::spool::{self, Batch, Read, Reader};

/// How a segment stands: as it was written, until something says otherwise.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) lines: u64,
    /// Of these, lines that a checkpoint speaks of, and lines that an anchor does.
    pub(super) signed: u64,
    pub(super) anchored: u64,
    /// How many lines each anchor speaks of.
    places: BTreeMap<String, u64>,
    pub(super) reached: Option<(u64, Link)>,
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

/// Follows a segment's chain to its end, and past the marks, which stand in the order of their places. Behind the end
/// that a checkpoint knows nothing may come but bytes that were never a batch.
pub(super) fn walk(path: &Path, marks: &[Mark], end: Option<&Ended>) -> io::Result<Found> {
    let mut reader = Reader::open(path, None)?;
    let mut found = follow(&mut reader, marks, end)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !found.is_bad() && !spool::is_named(name, reader.writer()) {
        found.fail(
            "its name is not the one that its writer gave it: it is a copy, or was written by another".to_owned(),
        );
    }
    Ok(found)
}

fn follow(reader: &mut Reader, marks: &[Mark], end: Option<&Ended>) -> io::Result<Found> {
    let mut marks = marks.iter().peekable();
    let mut found = Found::default();
    loop {
        let before = found.reached.map(|(_, link)| link);
        let read = reader.next()?;
        if let (Read::Batch(batch, _), Some(end)) = (&read, end)
            && (before == Some(end.link) || (before.is_none() && end.lines == 0))
        {
            found.added(end, batch);
            return Ok(found);
        }
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
            Read::Batch(..) => continue,
            Read::End => {}
            Read::Damaged(reason) => found.fail(reason),
            Read::Torn(bytes) => {
                let torn = "at its end were never acknowledged: its writer is at it, or died";
                found.reason = Some(format!("{} {torn}", many(bytes, "byte", "bytes")));
            }
        }
        found.ends(end);
        return Ok(found);
    }
}

impl Found {
    pub(super) fn fail(&mut self, reason: String) {
        self.outcome = Outcome::Failure;
        self.reason = Some(reason);
    }

    /// Nothing may follow the end that a checkpoint knows: names what does.
    fn added(&mut self, end: &Ended, batch: &Batch) {
        let first = line::split(&batch.body).next().map(line::text);
        let what = match first {
            Some(text) => {
                let id =
                    Scanner::default().scan(&text).ok().and_then(|columns| columns.id.as_deref().map(str::to_owned));
                let id = id.map(|id| format!(" (event.id {id:?})")).unwrap_or_default();
                format!("line {}{id}", end.lines + 1)
            }
            None => "a batch without lines".to_owned(),
        };
        self.fail(format!("{} at its end, and {what} was added behind that", end.said()));
    }

    /// Did the chain come by the end that a checkpoint knows?
    fn ends(&mut self, end: Option<&Ended>) {
        if let Some(end) = end.filter(|end| !self.is_bad() && self.reached.map(|(_, link)| link) != Some(end.link)) {
            let why = "its chain does not come by there: lines were taken away or replaced";
            self.fail(format!("{} at its end, and {why}", end.said()));
        }
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
    pub(super) fn ranges(&self) -> String {
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
