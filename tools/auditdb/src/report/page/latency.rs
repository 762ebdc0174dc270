//! How long scans took, in percentiles over time, from a sample that stays small however many there were.

use anyhow::Result;
use duckdb::Connection;

use crate::report::span::Span;

/// So many slots over time.
pub(super) const SLOTS: usize = 28;
/// So many lines are looked at.
const SAMPLE: u64 = 100_000;
/// DuckDB reads lines in such blocks: a sample by whole blocks reads no others.
const BLOCK: u64 = 2048;

/// Milliseconds: half of the scans, 95 and 99 of a hundred were quicker. A slot without scans has none.
pub(super) type Percentiles = [Vec<Option<f64>>; 3];

/// Asks the database; `None` where no scan was timed.
///
/// # Errors
/// What the database says.
pub(super) fn percentiles(connection: &Connection, span: Span, lines: u64) -> Result<Option<Percentiles>> {
    let (since, width, last) = (span.since, span.width(SLOTS), SLOTS - 1);
    let every = (lines / SAMPLE).max(1);
    let sql = format!(
        "SELECT least((epoch_us(time) - {since}) // {width}, {last})::USMALLINT AS slot,
                quantile_cont((raw->>'$.event.duration')::DOUBLE / 1e6, [0.5, 0.95, 0.99]) AS q, q[1], q[2], q[3]
         FROM records
         WHERE time >= make_timestamp({since}::BIGINT) AND provider = 'scanwatch' AND action IN ('file-scanned', 'file-quarantined')
           AND (seq // {BLOCK}) % {every} = 0 AND raw LIKE '%\"duration\"%'
         GROUP BY slot"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut found: Percentiles = std::array::from_fn(|_| vec![None; SLOTS]);
    while let Some(row) = rows.next()? {
        let at: u16 = row.get(0)?;
        for (nth, series) in found.iter_mut().enumerate() {
            if let Some(place) = series.get_mut(usize::from(at)) {
                *place = row.get(nth + 2)?;
            }
        }
    }
    Ok(found.iter().flatten().any(Option::is_some).then_some(found))
}
