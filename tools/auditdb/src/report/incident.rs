//! What happened that a person must know: files that were jailed, refs that moved, lines that are lost.

use std::collections::BTreeMap;

use anyhow::Result;
use duckdb::{Connection, Row};

use super::span::Span;

/// The most of each sort that are named.
pub(super) const MOST: usize = 500;

/// Some of them, the newest first, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newest<T> {
    pub(super) named: Vec<T>,
    pub(super) all: u64,
}

/// A file that was found to be infected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jailed {
    pub(super) time: i64,
    pub(super) action: String,
    pub(super) path: String,
    pub(super) found: String,
    /// The id of its entry in the jail, where there is one.
    pub(super) id: Option<String>,
}

/// A ref that moved and must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) time: i64,
    pub(super) repo: String,
    pub(super) name: String,
    pub(super) old: Option<String>,
    /// Nothing where it is gone.
    pub(super) new: Option<String>,
    pub(super) severity: u8,
    /// When it moved on from there.
    pub(super) until: Option<i64>,
    /// Then it was where it had been before.
    pub(super) is_back: bool,
    /// This is the move that put it there again.
    pub(super) is_return: bool,
}

/// A line that says that lines are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) time: i64,
    pub(super) message: String,
}

/// Jailed, removed or still lying there.
///
/// # Errors
/// What the database says.
pub(super) fn jailed(connection: &Connection, span: Span) -> Result<Newest<Jailed>> {
    let what = "action, coalesce(file_path, '?'), coalesce(rule_name, ''), raw->>'$.cellblock.scan.jail_id'";
    newest(connection, span, what, "action IN ('file-quarantined', 'file-neutralised', 'file-infected')", |row| {
        Ok(Jailed { time: row.get(1)?, action: row.get(2)?, path: row.get(3)?, found: row.get(4)?, id: row.get(5)? })
    })
}

/// Moved or deleted, against the policy.
///
/// # Errors
/// What the database says.
pub(super) fn moved(connection: &Connection, span: Span) -> Result<Newest<Moved>> {
    let what = "coalesce(url, '?'), coalesce(raw->>'$.cellblock.reference.name', '?'), raw->>'$.cellblock.reference.old.id', \
                raw->>'$.cellblock.reference.new.id', coalesce(severity, 0)";
    let which = "action IN ('ref-moved', 'ref-deleted') AND outcome = 'failure'";
    let mut found = newest(connection, span, what, which, |row| {
        let (repo, name, old, new) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        let (time, severity) = (row.get(1)?, row.get(6)?);
        Ok(Moved { time, repo, name, old, new, severity, until: None, is_back: false, is_return: false })
    })?;
    close(&mut found.named);
    Ok(found)
}

/// Lines that are lost or waited, as whoever noticed it says.
///
/// # Errors
/// What the database says.
pub(super) fn losses(connection: &Connection, span: Span) -> Result<Newest<Loss>> {
    newest(
        connection,
        span,
        "coalesce(message, '')",
        "action IN ('lines-lost', 'spool-filled', 'flows-unrecorded')",
        |row| Ok(Loss { time: row.get(1)?, message: row.get(2)? }),
    )
}

fn newest<T>(
    connection: &Connection,
    span: Span,
    what: &str,
    which: &str,
    each: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Newest<T>> {
    let since = span.since;
    // Which rows first, and then what is in them: lines are long, and are read for these alone.
    let all = format!("FROM records WHERE ({which}) AND time >= make_timestamp({since}::BIGINT)");
    let sql = format!(
        "SELECT (SELECT count(*) {all}), epoch_us(time), {what} FROM records
         WHERE rowid IN (SELECT rowid {all} ORDER BY time DESC, seq DESC LIMIT {MOST}) ORDER BY time DESC, seq DESC"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut found = Newest { named: Vec::new(), all: 0 };
    while let Some(row) = rows.next()? {
        found.all = row.get(0)?;
        found.named.push(each(row)?);
    }
    Ok(found)
}

/// Each move, the newest first, ends with the next one of its ref. One that leads back is no exposure of its own.
fn close(moves: &mut [Moved]) {
    let mut next: BTreeMap<(String, String), usize> = BTreeMap::new();
    for at in 0..moves.len() {
        let Some((moved, key)) = moves.get(at).map(|moved| (moved.clone(), (moved.repo.clone(), moved.name.clone())))
        else {
            return;
        };
        let Some(later) = next.insert(key, at).and_then(|later| moves.get_mut(later)) else { continue };
        let (until, is_back) = (later.time, later.new.is_some() && later.new == moved.old);
        later.is_return |= is_back;
        if let Some(moved) = moves.get_mut(at) {
            (moved.until, moved.is_back) = (Some(until), is_back);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_is_exposed_until_it_moves_on_and_is_back_where_it_was() {
        let at = |time, old: &str, new: &str| Moved {
            time,
            repo: "r".to_owned(),
            name: "refs/tags/v1".to_owned(),
            old: Some(old.to_owned()),
            new: Some(new.to_owned()),
            severity: 73,
            until: None,
            is_back: false,
            is_return: false,
        };
        let mut moves = [at(9, "b", "a"), at(5, "a", "b")];
        close(&mut moves);
        assert_eq!((moves[0].until, moves[0].is_return), (None, true));
        assert_eq!((moves[1].until, moves[1].is_back, moves[1].is_return), (Some(9), true, false));
    }
}
