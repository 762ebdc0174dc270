//! Where the refs of a repository were before a round: as the store keeps them, else as the record in the same folder
//! tells.
//!
//! Who deletes the store must not make a moved tag look like one that was never seen before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;

use super::compare::{Before, Change, Happened};
use super::lineage::Lineage;
use super::past::{self, RefsOfRound};
use super::store::RefStore;
use crate::database::{is_broken, put_aside};
use crate::plural::many;
use crate::read;
use crate::store::Store;

/// What a round compares with.
#[derive(Debug)]
pub(super) struct Baseline {
    /// The repository's address, as its history here is kept under.
    pub(super) url: String,
    pub(super) store: RefStore,
    pub(super) before: BTreeMap<String, Before>,
    /// It is the record's, which does not know all: does it know all tags?
    pub(super) recalled: Option<bool>,
    /// Why it is not the store's.
    pub(super) reason: Option<String>,
    /// Why the record's answer may not be whole.
    pub(super) doubts: Vec<String>,
}

impl Baseline {
    /// Reads it. The record is asked only where the store knows nothing of the repository. An address is final in the
    /// policy's spelling. Else the store's comes before it: another would begin a history in which nothing ever moved.
    ///
    /// # Errors
    /// If the store can be neither read nor begun anew.
    pub(super) fn of(url: &str, is_final: bool, database: &Path, record: Option<&Store>) -> Result<Self> {
        let (mut found, aside) = Self::load_or_set_aside(url, is_final, database)?;
        let url = &found.url.clone();
        let aside = aside.map(|aside| format!("the database of the refs was broken, and is now {}", aside.display()));
        if let (true, Some(record)) = (found.before.is_empty(), record) {
            match asked(url, record, &mut found.doubts) {
                Ok(known) if !known.refs.is_empty() => (found.before, found.recalled) = (known.refs, Some(known.whole)),
                Ok(_) => {}
                Err(why) => found.doubts.push(format!("the record could not be asked where the refs were: {why:#}")),
            }
        }
        let recalled = found.recalled.map(|_| {
            let refs = many(found.before.len() as u64, "ref is", "refs are");
            format!(
                "the database of the refs knew nothing of this repository: {refs} compared with what the record says"
            )
        });
        let reasons: Vec<String> = aside.into_iter().chain(recalled).chain(found.doubts.clone()).collect();
        for reason in &reasons {
            eprintln!("auditdb: {}: {}", record::escape(url), record::escape(reason));
        }
        found.reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        Ok(found)
    }

    /// As the store keeps it. A store that is broken is set aside, for whoever wants to know by whom.
    fn load_or_set_aside(url: &str, is_final: bool, database: &Path) -> Result<(Self, Option<PathBuf>)> {
        let read = || {
            let store = RefStore::open(database)?;
            let known = if is_final { None } else { store.spelling(url)? };
            let url = known.unwrap_or_else(|| url.to_owned());
            let before = store.load(&url)?;
            Ok(Self { url, store, before, recalled: None, reason: None, doubts: Vec::new() })
        };
        match read() {
            Err(error) if is_broken(&error) => {
                let aside = put_aside(database, &format!("broken-{}", Timestamp::now().as_microsecond()))?;
                read().map(|found| (found, Some(aside)))
            }
            read => read.map(|found| (found, None)),
        }
    }

    /// What the store is to remember of a round: its changes, and before them what it had lost.
    pub(super) fn to_keep(&self, changes: &[Change]) -> Vec<Change> {
        let lost = self.before.iter().filter(|_| self.recalled.is_some());
        let mut kept: BTreeMap<&String, Change> = lost.map(|(name, before)| (name, returned(name, before))).collect();
        kept.extend(changes.iter().map(|change| (&change.name, change.clone())));
        kept.into_values().collect()
    }
}

fn returned(name: &str, before: &Before) -> Change {
    let (name, target) = (name.to_owned(), before.target.clone());
    let new = (!before.gone).then(|| target.clone());
    Change { name, old: Some(target), new, may_move: false, happened: Happened::Returned, lineage: Lineage::default() }
}

/// What the record knows. Where there is no record, none is begun.
fn asked(url: &str, record: &Store, doubts: &mut Vec<String>) -> Result<RefsOfRound> {
    if record.spool().segments()?.is_empty() {
        return Ok(RefsOfRound::default());
    }
    let reading = read::open(record, past::MEMORY)?;
    doubts.extend(reading.state.reservations());
    past::last(&reading.connection, url)
}
