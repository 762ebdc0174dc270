//! Which segments are old: those whose every line is past the time that its provider's lines are kept.
//!
//! A segment goes as a whole, so that its chain stays provable: one that holds lines of several providers goes when the
//! last of them may.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use duckdb::Connection;
use jiff::{SignedDuration, Timestamp};

use crate::fold::{self, Seen};
use crate::source::Source;
use crate::spool::{self, Read, Reader, SegmentFile};
use crate::store::{Retain, Store};
use crate::when::When;

/// A segment whose lines are all older than they are kept.
pub(crate) struct Old {
    pub(super) file: SegmentFile,
    pub(super) seen: Seen,
}

/// Before which time lines go, microseconds since 1970: those of a provider, and those of the others.
pub(crate) struct Cut {
    by: BTreeMap<String, i64>,
    all: i64,
}

impl Cut {
    /// As the policy keeps them, or all that came in before a time.
    pub(crate) fn of(retain: &Retain, older_than: Option<When>) -> Result<Self> {
        if let Some(when) = older_than {
            return Ok(Self { by: BTreeMap::new(), all: when.microseconds() });
        }
        let now = Timestamp::now();
        let before = |kept| -> Result<i64> { Ok(now.checked_sub(SignedDuration::try_from(kept)?)?.as_microsecond()) };
        let by = retain.by.iter().map(|(name, kept)| Ok((name.clone(), before(*kept)?)));
        Ok(Self { by: by.collect::<Result<_>>()?, all: before(retain.all)? })
    }

    /// Before which time lines of this provider go.
    pub(super) fn before(&self, provider: Option<&str>) -> i64 {
        provider.and_then(|name| self.by.get(name)).copied().unwrap_or(self.all)
    }
}

/// The segments whose every line came in before that and is in the database, and which no writer has open. Also those
/// that a prune had `begun` to remove when it was killed.
pub(crate) fn old(connection: &Connection, store: &Store, cut: &Cut, begun: &BTreeSet<String>) -> Result<Vec<Old>> {
    let newest = newest(connection)?;
    let known: BTreeMap<String, Seen> =
        fold::seen(connection)?.into_iter().map(|seen| (seen.name.clone(), seen)).collect();
    let mut old = Vec::new();
    for file in store.spool().segments()? {
        let Some(seen) = known.get(&file.name).filter(|seen| seen.end == file.length) else { continue };
        let path = store.spool().path().join(&file.name);
        let past = |came: &BTreeMap<Option<String>, i64>| {
            came.iter().all(|(provider, received)| *received < cut.before(provider.as_deref()))
        };
        let gone = match newest.get(&seen.number) {
            _ if begun.contains(&file.name) => true,
            Some(came) => past(came),
            None => past(&newest_by_provider(&path, &file.name)?),
        };
        let closed = || spool::is_closed(&path).with_context(|| format!("{}: cannot be opened", path.display()));
        if gone && closed()? {
            old.push(Old { seen: seen.clone(), file });
        }
    }
    Ok(old)
}

/// When the last line of each provider came in, by segment: microseconds since 1970.
fn newest(connection: &Connection) -> Result<BTreeMap<u32, BTreeMap<Option<String>, i64>>> {
    let mut statement = connection.prepare(
        "SELECT segment, provider, epoch_us(max(received)) FROM records WHERE segment IS NOT NULL GROUP BY ALL",
    )?;
    let mut rows = statement.query([])?;
    let mut newest: BTreeMap<u32, BTreeMap<Option<String>, i64>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        newest.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
    }
    Ok(newest)
}

/// The same of a segment that brought nothing but repeats, or nothing at all: what its batches say, and its name.
fn newest_by_provider(path: &Path, name: &str) -> Result<BTreeMap<Option<String>, i64>> {
    let said = || format!("{}: cannot be read", path.display());
    let mut came = BTreeMap::new();
    let mut reader = Reader::open(path, None).with_context(said)?.believing();
    while let Read::Batch(batch, _) = reader.next().with_context(said)? {
        let provider = batch.source.as_ref().map(Source::as_str).map(str::to_owned);
        let last = came.entry(provider).or_insert(i64::MIN);
        *last = batch.received.as_microsecond().max(*last);
    }
    if came.is_empty() {
        came.insert(None, spool::begun(name).map_or(i64::MAX, Timestamp::as_microsecond));
    }
    Ok(came)
}
