//! Folds the spool into the database, exactly once: what was read and how far are one transaction.

mod progress;
mod repeats;
mod row;

use anyhow::{Context, Result};
use duckdb::Connection;

use crate::database::ROW_GROUP;
use crate::line::{self, Scanner};
use crate::spool::{Batch, Folder, Read, Reader};
use progress::Progress;
pub(crate) use progress::Seen;
use row::Rows;
pub(crate) use row::{Value, Values};

/// The most rows in one transaction: whole row groups, which go to the file without the log. A small group behind them
/// would make the checkpoint write its neighbours anew: a third of a fold's time, and of the file.
const ROWS: u64 = 12 * ROW_GROUP;
/// Bytes of lines in one transaction.
const BYTES: u64 = 192 << 20;

/// How many lines a fold took in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Lines that are new in the database.
    pub(crate) lines: u64,
    /// Lines that were there already, with the same source, id and content.
    pub(crate) repeats: u64,
    /// Ids that stand on different lines.
    pub(crate) clashes: u64,
}

/// Is there anything in the spool that the database does not know yet?
pub(crate) fn is_behind(connection: &Connection, folder: &Folder) -> Result<bool> {
    let progress = Progress::load(connection)?;
    Ok(folder.segments()?.iter().any(|segment| progress.is_behind(segment)))
}

/// The segments that were found damaged: name and reason.
pub(crate) fn damaged(connection: &Connection) -> Result<Vec<(String, String)>> {
    Ok(Progress::load(connection)?.damaged())
}

/// What the database remembers of the segments.
pub(crate) fn seen(connection: &Connection) -> Result<Vec<Seen>> {
    Ok(Progress::load(connection)?.seen())
}

/// Folds all there is. Batches that a writer is still at are left for the next time.
///
/// # Errors
/// If the spool cannot be read or the database not written; what was folded before stays folded.
pub(crate) fn fold(connection: &Connection, folder: &Folder) -> Result<Folded> {
    let mut progress = Progress::load(connection)?;
    let rows = Rows::from(connection, next(connection)?)?;
    let mut fold = Fold { connection, scanner: Scanner::default(), done: Folded::default(), rows };
    for segment in folder.segments()? {
        if !progress.is_behind(&segment) {
            continue;
        }
        let known = progress.of(&segment.name);
        let path = folder.path().join(&segment.name);
        let mut reader =
            Reader::open(&path, known.reached).with_context(|| format!("{}: cannot be read", path.display()))?;
        loop {
            match reader.next().with_context(|| format!("{}: cannot be read", path.display()))? {
                Read::Batch(batch, start) => {
                    fold.make_room(batch.lines, &mut progress)?;
                    fold.batch(known.number, &batch, start)?;
                    progress.reached(&segment.name, reader.reached(), batch.lines);
                }
                Read::End => break,
                Read::Torn(bytes) => {
                    progress.torn(&segment.name, bytes);
                    break;
                }
                Read::Damaged(reason) => {
                    progress.mark(&segment.name, reason);
                    break;
                }
            }
        }
    }
    fold.commit(&mut progress)?;
    connection.execute_batch("CHECKPOINT")?;
    Ok(fold.done)
}

fn next(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("SELECT coalesce(max(seq), -1) + 1 FROM records", [], |row| row.get(0))?)
}

/// Would so many lines more be too much for a transaction that has these?
const fn is_full(rows: u64, bytes: u64, lines: u64) -> bool {
    rows > 0 && (rows.saturating_add(lines) > ROWS || bytes >= BYTES)
}

struct Fold<'c> {
    connection: &'c Connection,
    scanner: Scanner,
    done: Folded,
    rows: Rows<'c>,
}

impl Fold<'_> {
    fn batch(&mut self, segment: u32, batch: &Batch, start: u64) -> Result<()> {
        let rows = &mut self.rows;
        rows.begin()?;
        let mut position = start;
        for raw in line::split(&batch.body) {
            let text = line::text(raw);
            match line::judge(&mut self.scanner, &text, batch.source.as_ref()) {
                Ok(accepted) => rows.append(&accepted, &text, batch, Some((segment, position)))?,
                Err((claim, fault)) => {
                    // It was accepted once, by an auditdb that judged otherwise: it is still not lost.
                    rows.add(&line::rejected(raw, batch.source.as_ref(), claim, &fault), Some((segment, position)))?;
                }
            }
            position += raw.len() as u64 + 1;
        }
        Ok(())
    }

    /// Ends the transaction that would have too much with so many lines more.
    fn make_room(&mut self, lines: u64, progress: &mut Progress) -> Result<()> {
        if is_full(self.rows.count(), self.rows.bytes(), lines) { self.commit(progress) } else { Ok(()) }
    }

    /// Ends the transaction: the rows without their repeats, and how far they reach.
    fn commit(&mut self, progress: &mut Progress) -> Result<()> {
        if !self.rows.is_open() && !progress.is_dirty() {
            return Ok(());
        }
        self.rows.begin()?;
        let (first, count, fresh) = self.rows.flush()?;
        let found = repeats::drop(self.connection, first, fresh)?;
        for clash in &found.clashes {
            self.rows.add(clash, None)?;
        }
        self.rows.flush()?;
        progress.save(self.connection)?;
        self.rows.commit()?;
        self.done.lines += count - found.repeats;
        self.done.repeats += found.repeats;
        self.done.clashes += found.clashes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_leaves_no_small_row_group_behind_its_whole_ones() {
        for lines in [1, 7, 499, 512, 60_000] {
            let mut rows = 0;
            while !is_full(rows, 0, lines) {
                rows += lines;
            }
            let last = rows % ROW_GROUP;
            assert!(last == 0 || ROW_GROUP - last < lines, "{rows} rows from batches of {lines}");
        }
        // One batch alone is never too much: nothing would go on.
        assert!(!is_full(0, BYTES, u64::MAX));
        assert!(is_full(1, 0, u64::MAX) && is_full(1, BYTES, 0));
    }
}
