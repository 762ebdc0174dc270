//! How much was recorded when: counts in equal slots of time, and the stretches that have none.

use std::collections::BTreeMap;

use anyhow::Result;
use duckdb::Connection;

use super::refused::REFUSED;
use super::span::{HOUR, Span};

/// So many slots a span has: half an hour each in a week.
pub(super) const SLOTS: usize = 336;
/// A machine that is well has a check recorded every hour, so two hours of silence are a gap.
const SILENCE: i64 = 2 * HOUR;

/// What was recorded in one slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) lines: u64,
    /// What the gate let through, or tried to.
    pub(super) requests: u64,
    /// What the gate or the moat refused.
    pub(super) refusals: u64,
    /// Lines of severity high or critical.
    pub(super) alerts: u64,
}

/// How much one source wrote, and when last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) lines: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    /// When it was last heard of.
    pub(super) last: i64,
}

/// How many lines came in over a span, by time and by source.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    pub(super) slots: Vec<Slot>,
    pub(super) sources: BTreeMap<String, Source>,
}

impl Activity {
    /// How many lines all parts wrote, together.
    pub(super) fn lines(&self) -> u64 {
        self.sources.values().map(|source| source.lines).sum()
    }

    /// The newest line's time.
    pub(super) fn last(&self) -> Option<i64> {
        self.sources.values().map(|source| source.last).max()
    }

    /// The sum of neighbours, so that so many are left.
    pub(super) fn series(&self, of: impl Fn(&Slot) -> u64, columns: usize) -> Vec<u64> {
        self.slots.chunks(self.slots.len().div_ceil(columns).max(1)).map(|slots| slots.iter().map(&of).sum()).collect()
    }

    /// From and to, in microseconds, where nothing at all was recorded. What is before the first line is a gap where
    /// the record is older than that.
    pub(super) fn silences(&self, span: Span, is_older: bool) -> Vec<(i64, i64)> {
        let first = self.slots.iter().position(|slot| slot.lines > 0);
        let Some(first) = first else { return if is_older { vec![(span.since, span.until)] } else { Vec::new() } };
        let begin = if is_older { 0 } else { first };
        let mut found: Vec<(i64, i64)> = Vec::new();
        for (at, _) in self.slots.iter().enumerate().skip(begin).filter(|(_, slot)| slot.lines == 0) {
            let (from, to) = span.slot(at, self.slots.len());
            match found.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => found.push((from, to)),
            }
        }
        found.retain(|(from, to)| to - from >= SILENCE);
        found
    }
}

/// Asks the database. What bears a time of the future is counted with the newest.
///
/// # Errors
/// What the database says.
pub(super) fn activity(connection: &Connection, span: Span) -> Result<Activity> {
    let (since, width, last) = (span.since, span.width(SLOTS), SLOTS - 1);
    let sql = format!(
        "SELECT least((epoch_us(time) - {since}) // {width}, {last})::USMALLINT AS slot, provider,
                CASE WHEN action IN ('request-allowed', 'connection-allowed', 'request-failed', 'connection-failed') THEN 1
                     WHEN action IN {REFUSED} THEN 2 ELSE 0 END AS class,
                count(*), count(*) FILTER (outcome = 'failure'), count(*) FILTER (outcome = 'unknown'),
                count(*) FILTER (severity >= 73), max(epoch_us(time))
         FROM records WHERE time >= make_timestamp({since}::BIGINT) GROUP BY slot, provider, class"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut activity = Activity { slots: vec![Slot::default(); SLOTS], sources: BTreeMap::new() };
    while let Some(row) = rows.next()? {
        let (at, class, lines): (u16, i32, u64) = (row.get(0)?, row.get(2)?, row.get(3)?);
        if let Some(slot) = activity.slots.get_mut(usize::from(at)) {
            slot.lines += lines;
            slot.alerts += row.get::<_, u64>(6)?;
            match class {
                1 => slot.requests += lines,
                2 => slot.refusals += lines,
                _ => {}
            }
        }
        let name = row.get::<_, Option<String>>(1)?.unwrap_or_else(|| "no source".to_owned());
        let source = activity.sources.entry(name).or_default();
        source.lines += lines;
        source.failed += row.get::<_, u64>(4)?;
        source.unknown += row.get::<_, u64>(5)?;
        source.last = source.last.max(row.get(7)?);
    }
    Ok(activity)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { since: 0, until: 10 * HOUR };

    fn with(lines: [u64; 10]) -> Activity {
        let slots = lines.map(|lines| Slot { lines, ..Slot::default() }).to_vec();
        Activity { slots, sources: BTreeMap::new() }
    }

    #[test]
    fn two_hours_of_silence_are_a_gap_and_one_is_none() {
        let silences = with([0, 1, 0, 1, 0, 0, 0, 1, 0, 0]).silences(SPAN, false);
        assert_eq!(silences, [(4 * HOUR, 7 * HOUR), (8 * HOUR, 10 * HOUR)]);
        assert_eq!(with([0, 0, 1, 1, 1, 1, 1, 1, 1, 1]).silences(SPAN, true), [(0, 2 * HOUR)]);
    }

    #[test]
    fn an_empty_record_has_no_gap_and_one_that_fell_silent_is_one() {
        assert_eq!(with([0; 10]).silences(SPAN, false), []);
        assert_eq!(with([0; 10]).silences(SPAN, true), [(0, 10 * HOUR)]);
    }

    #[test]
    fn neighbours_are_summed() {
        assert_eq!(with([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).series(|slot| slot.lines, 4), [6, 15, 24, 10]);
    }
}
