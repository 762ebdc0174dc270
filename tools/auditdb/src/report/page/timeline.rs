//! What happened, of all tools in one row. The same thing said again on a day is one entry with a count.

use anyhow::Result;
use duckdb::Connection;

use crate::report::span::{DAY, Span};

/// The most entries; a page stays small and quick.
const MOST: usize = 2000;
/// The most letters of a sentence.
const LETTERS: usize = 300;

/// One thing that happened, once or more often on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// When it was first said that day, and last.
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) tool: String,
    pub(super) action: String,
    pub(super) outcome: Option<String>,
    pub(super) severity: u8,
    pub(super) about: Option<String>,
    pub(super) message: String,
    pub(super) times: u64,
}

/// The entries, the newest first, and how many there are in all.
///
/// # Errors
/// What the database says.
pub(super) fn timeline(connection: &Connection, span: Span) -> Result<(Vec<Entry>, u64)> {
    let since = span.since;
    let sql = format!(
        "SELECT min(epoch_us(time)), max(epoch_us(time)) AS last, coalesce(provider, '?'), coalesce(action, '?'), outcome,
                coalesce(max(severity), 0) AS worst, nullif(left(concat_ws(' ', container, network, url, file_path), {LETTERS}), ''),
                left(coalesce(max_by(message, time), ''), {LETTERS}), count(*), count(*) OVER ()
         FROM records
         WHERE time >= make_timestamp({since}::BIGINT) AND action IS DISTINCT FROM 'run-finished'
           AND (severity >= 47 OR outcome IN ('failure', 'unknown') OR action IN ('flow-denied', 'ref-created'))
         GROUP BY epoch_us(time) // {DAY}, provider, action, outcome, container, network, url, file_path, rule_id,
                  destination_ip, destination_domain
         ORDER BY worst DESC, last DESC LIMIT {MOST}"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut entries, mut all) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        all = row.get(9)?;
        entries.push(Entry {
            first: row.get(0)?,
            last: row.get(1)?,
            tool: row.get(2)?,
            action: row.get(3)?,
            outcome: row.get(4)?,
            severity: row.get(5)?,
            about: row.get(6)?,
            message: row.get(7)?,
            times: row.get(8)?,
        });
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.last));
    Ok((entries, all))
}
