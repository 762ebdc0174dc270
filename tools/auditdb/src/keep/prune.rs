//! Lets go of what is older than the policy keeps it, by whole segments.
//!
//! The database first, then the file: a crash in between leaves a segment that is folded again. The other order would
//! leave one that is missing, and that is what a theft looks like.

use std::fs;

use anyhow::{Context, Result};
use duckdb::{Connection, params};
use record::cellblock::Spool;
use record::{Action, Category, Provider, Record, Type};

use super::expired::{Cut, Old};
use super::shrink;
use crate::checkpoint::{About, Pruned};
use crate::note::note;
use crate::plural::many;
use crate::source::Source;
use crate::spool;
use crate::store::Store;
use crate::trust;

/// What would go.
pub(crate) fn planned(old: &[Old]) -> Record {
    pruned(old, Action::PrunePlanned, ["would be removed"; 2])
}

/// Lets go of them, and tells what went. A database that we `kept` as we left it is so afterwards.
///
/// # Errors
/// If that could not be signed, or a segment not be removed.
pub(crate) fn let_go(store: &Store, connection: Connection, old: &[Old], cut: &Cut, kept: bool) -> Result<Record> {
    // Signed away first: without its tombstone, what is removed would look taken.
    let tombstones = old.iter().map(tombstone).collect();
    spool::sign(&store.spool(), &store.notary(), tombstones).context("nothing was removed")?;
    forget(&connection, old, cut)?;
    let loose = shrink::is_loose(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    for gone in old {
        let path = store.spool().path().join(&gone.file.name);
        fs::remove_file(&path).with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    tidy(store, loose, !old.is_empty());
    if kept {
        trust::keep(store, trust::stamp(store));
    }
    let record = pruned(old, Action::RecordsPruned, ["was removed", "were removed"]);
    if !old.is_empty() {
        note(store, &record)?;
    }
    Ok(record)
}

fn tombstone(old: &Old) -> About {
    let head = old.seen.reached.map(|(_, link)| link.to_string());
    About::Pruned(Pruned { segment: old.file.name.clone(), lines: old.seen.lines, head })
}

/// Makes small what prune leaves large. Where that cannot be done nothing is lost, and the next prune tries again.
fn tidy(store: &Store, loose: bool, pruned: bool) {
    let shrunk = if loose { shrink::shrink(store) } else { Ok(()) };
    let log = if pruned { compact(store) } else { Ok(()) };
    for error in [shrunk, log].into_iter().filter_map(Result::err) {
        eprintln!("auditdb: {}; it stays as large as it was", record::escape(&format!("{error:#}")));
    }
}

/// Takes out of the log what speaks of nothing that is left.
fn compact(store: &Store) -> Result<()> {
    let living = store.spool().segments()?.into_iter().map(|segment| segment.name).collect();
    store.notary().compact(&living)
}

/// What goes, or would go: how many segments, lines and bytes.
fn pruned(old: &[Old], action: Action, [one, more]: [&str; 2]) -> Record {
    let lines: u64 = old.iter().map(|gone| gone.seen.lines).sum();
    let (were, segments) = (if old.len() == 1 { one } else { more }, many(old.len() as u64, "segment", "segments"));
    let message = format!("{segments} with {} {were}.", many(lines, "line", "lines"));
    let kind = if action == Action::RecordsPruned { Type::Deletion } else { Type::Info };
    let mut record = Record::new(Provider::Auditdb, action, message).about(Category::Database, kind);
    let bytes = old.iter().map(|gone| gone.file.length).sum();
    record.own().spool = Some(Spool { lines: Some(lines), bytes: Some(bytes), ..Spool::default() });
    record
}

/// Segments that stay, but repeat lines of those that go. The rows of such lines belong to the removed segment. So these
/// are folded again.
const SHARED: &str = "
SELECT number FROM segments
WHERE number NOT IN (FROM gone) AND lines > (SELECT count(*) FROM records WHERE segment = number)";

fn forget(connection: &Connection, old: &[Old], cut: &Cut) -> Result<()> {
    connection.execute_batch("BEGIN; CREATE OR REPLACE TEMP TABLE gone (number UINTEGER)")?;
    for gone in old {
        connection.execute("INSERT INTO gone VALUES (?)", params![gone.seen.number])?;
    }
    if !old.is_empty() {
        connection.execute_batch(&format!("INSERT INTO gone {SHARED}"))?;
    }
    connection.execute_batch(
        "DELETE FROM records WHERE segment IN (FROM gone); DELETE FROM segments WHERE number IN (FROM gone)",
    )?;
    // What the fold itself had to say has no segment.
    let own = cut.before(Some(Source::own().as_str()));
    connection.execute("DELETE FROM records WHERE segment IS NULL AND epoch_us(received) < ?", params![own])?;
    connection.execute_batch("COMMIT; CHECKPOINT")?;
    Ok(())
}
