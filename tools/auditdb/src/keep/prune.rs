//! `auditdb prune`: lets go of what is older than the policy keeps it, by whole segments.
//!
//! The database first, then the file: a crash in between leaves a segment that is folded again, while
//! the other order would leave one that is missing, and that is what a theft looks like.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use duckdb::{Connection, params};
use jiff::{SignedDuration, Timestamp};
use record::cellblock::Spool;
use record::{Action, Category, Exit, OutputArgs, Provider, Purpose, Record, Type, Writer};
use rustix::fs::{FlockOperation, flock};

use super::note::note;
use crate::checkpoint::{About, Pruned};
use crate::cli;
use crate::database::{self, Lock};
use crate::fold;
use crate::place::Place;
use crate::plural::many;
use crate::spool::SegmentFile;
use crate::trust;

/// How long readers are waited for.
const WAIT: Duration = Duration::from_secs(30);

/// A segment that goes.
struct Old {
    file: SegmentFile,
    number: u32,
    lines: u64,
    head: Option<String>,
}

impl Old {
    fn tombstone(&self) -> About {
        About::Pruned(Pruned { segment: self.file.name.clone(), lines: self.lines, head: self.head.clone() })
    }
}

/// `auditdb prune`
pub(crate) fn prune(args: &cli::Prune, place: &Place, output: OutputArgs) -> Result<Exit> {
    let before = match args.older_than {
        Some(when) => when.microseconds(),
        None => Timestamp::now().checked_sub(SignedDuration::try_from(place.retain)?)?.as_microsecond(),
    };
    let directory = place.directory().display();
    if !place.directory().is_dir() {
        bail!("{directory}: no record here; --directory names another");
    }
    let Some(_lock) = Lock::exclusive(&place.lock(), WAIT)? else {
        bail!("{directory}: another process has had the database for {} s; try again", WAIT.as_secs());
    };
    let kept = trust::is_kept(place);
    let connection = database::open_to_write(&place.database())?;
    fold::fold(&connection, &place.spool())?;
    let old = old(&connection, place, before)?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    if args.dry_run {
        out.tell(&told(&old, Action::PrunePlanned, ["would be removed"; 2]))?;
        return out.finish();
    }
    // Signed away first: without its tombstone, what is removed would look taken.
    let tombstones = old.iter().map(Old::tombstone).collect();
    place.notary().sign(tombstones).context("nothing was removed")?;
    forget(&connection, &old, before)?;
    connection.close().map_err(|(_, error)| error)?;
    if kept {
        trust::keep(place, trust::stamp(place));
    }
    for gone in &old {
        let path = place.spool().path().join(&gone.file.name);
        fs::remove_file(&path).with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    let record = told(&old, Action::RecordsPruned, ["was removed", "were removed"]);
    if !old.is_empty() {
        note(place, &record)?;
    }
    out.tell(&record)?;
    out.finish()
}

/// What goes, or would go: how many segments, lines and bytes.
fn told(old: &[Old], action: Action, [one, more]: [&str; 2]) -> Record {
    let lines: u64 = old.iter().map(|gone| gone.lines).sum();
    let (were, segments) = (if old.len() == 1 { one } else { more }, many(old.len() as u64, "segment", "segments"));
    let message = format!("{segments} with {} {were}.", many(lines, "line", "lines"));
    let kind = if action == Action::RecordsPruned { Type::Deletion } else { Type::Info };
    let mut record = Record::new(Provider::Auditdb, action, message).about(Category::Database, kind);
    let bytes = old.iter().map(|gone| gone.file.length).sum();
    record.own().spool = Some(Spool { lines: Some(lines), bytes: Some(bytes), ..Spool::default() });
    record
}

/// The segments whose every line came in before that, is in the database, and which no writer has open.
fn old(connection: &Connection, place: &Place, before: i64) -> Result<Vec<Old>> {
    let newest = newest(connection)?;
    let known: BTreeMap<String, fold::Seen> =
        fold::seen(connection)?.into_iter().map(|seen| (seen.name.clone(), seen)).collect();
    let mut old = Vec::new();
    for file in place.spool().segments()? {
        let Some(seen) = known.get(&file.name) else { continue };
        let whole = seen.end == file.length;
        let young = newest.get(&seen.number).is_none_or(|received| *received >= before);
        if !whole || young || !is_closed(&place.spool().path().join(&file.name))? {
            continue;
        }
        old.push(Old {
            number: seen.number,
            lines: seen.lines,
            head: seen.reached.map(|(_, link)| link.to_string()),
            file,
        });
    }
    Ok(old)
}

/// When the last line of each segment came in, microseconds since 1970. A segment that brought nothing
/// but repeats is as old as the database knows nothing else of it: it stays.
fn newest(connection: &Connection) -> Result<BTreeMap<u32, i64>> {
    let mut statement = connection
        .prepare("SELECT segment, epoch_us(max(received)) FROM records WHERE segment IS NOT NULL GROUP BY segment")?;
    let mut rows = statement.query([])?;
    let mut newest = BTreeMap::new();
    while let Some(row) = rows.next()? {
        newest.insert(row.get(0)?, row.get(1)?);
    }
    Ok(newest)
}

/// A writer holds a shared lock on its segment as long as it lives.
fn is_closed(path: &std::path::Path) -> Result<bool> {
    let file = File::open(path).with_context(|| format!("{}: cannot be opened", path.display()))?;
    Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

fn forget(connection: &Connection, old: &[Old], before: i64) -> Result<()> {
    connection.execute_batch("BEGIN")?;
    for gone in old {
        connection.execute("DELETE FROM records WHERE segment = ?", params![gone.number])?;
        connection.execute("DELETE FROM segments WHERE number = ?", params![gone.number])?;
    }
    // What the fold itself had to say has no segment.
    connection.execute("DELETE FROM records WHERE segment IS NULL AND epoch_us(received) < ?", params![before])?;
    connection.execute_batch("COMMIT; CHECKPOINT")?;
    Ok(())
}
