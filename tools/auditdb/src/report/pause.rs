//! Stretches in which no stream was read: the host was down, or what collects was not running.
//!
//! A pause is the time from when the last stream's writer ended to when the next one began. It counts if a watch of the
//! moat began soon behind it. Length does not matter, and a writer that is silent is still there.
//!
//! It goes by when lines came in, not by the time in them. What was said in the pause, and read behind it, is in a new
//! segment.

use std::collections::BTreeSet;

use anyhow::Result;
use duckdb::Connection;
use jiff::Timestamp;

use super::span::{DAY, MINUTE, Span};
use crate::spool::{self, Folder};

/// Who is a stream's writer: what only comes from who follows something. A check comes, says its lines and goes: it is
/// no stream.
const STREAMS: &str = "provider IN ('egress-proxy', 'vault') OR action IN ('moat-watched', 'engine-heard', 'engine-silent',
    'engine-event-seen', 'engine-stopped', 'engine-started', 'container-exited', 'flow-denied', 'flows-unrecorded', 'watch-started')";

/// How soon behind a pause the moat's watch says that it began. A stream that only had nothing to say for long has no
/// such line behind it. On a machine that is busy with its boot a minute was too short (seen once).
const SOON: i64 = 5 * MINUTE;

/// From and to in microseconds, the oldest first: each from the last line of those who ended to the first of those who
/// began.
///
/// # Errors
/// What the database says.
pub(super) fn pauses(connection: &Connection, spool: &Folder, span: Span) -> Result<Vec<(i64, i64)>> {
    let mut found = between(writers(connection, spool, span)?);
    found.retain(|(_, to)| *to > span.since);
    let begun = if found.is_empty() { Vec::new() } else { begun(connection, span)? };
    Ok(witnessed(&found, &begun))
}

/// Those that a watch began behind: each watch speaks for the last one before it.
fn witnessed(pauses: &[(i64, i64)], begun: &[i64]) -> Vec<(i64, i64)> {
    let last = |at: &i64| pauses.iter().rfind(|(_, to)| to <= at).filter(|(_, to)| at - to <= SOON);
    let found: BTreeSet<_> = begun.iter().filter_map(last).copied().collect();
    found.into_iter().collect()
}

/// From when to when each writer was there, as far as its segments tell.
fn writers(connection: &Connection, spool: &Folder, span: Span) -> Result<Vec<(i64, i64)>> {
    // A segment has a day at most, and then the writer's next line: who wrote before the time is asked as well.
    let (since, until) = (span.since.saturating_sub(2 * DAY), span.until);
    let sql = format!(
        "SELECT name, min(epoch_us(received)), max(epoch_us(received)) FROM records JOIN segments ON number = segment
         WHERE received >= make_timestamp({since}::BIGINT) AND received < make_timestamp({until}::BIGINT)
         GROUP BY name HAVING bool_or({STREAMS})"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let made = |name: &str| spool::begun(name).map(Timestamp::as_microsecond);
    let mut there = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, first, last): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let path = spool.path().join(name);
        let before = spool::previous(&path).and_then(|name| made(&name));
        there.push((before.map_or(first, |before| before.min(first)), last));
    }
    // Who has a segment open is there still, however long it has had nothing to say.
    let is_open = |name: &str| !spool::is_closed(&spool.path().join(name)).unwrap_or(true);
    let open = spool.segments()?.into_iter().filter(|segment| is_open(&segment.name));
    there.extend(open.filter_map(|segment| Some((made(&segment.name)?, until))));
    Ok(there)
}

/// When lines of a watch that began came in.
fn begun(connection: &Connection, span: Span) -> Result<Vec<i64>> {
    let since = span.since;
    let sql = format!(
        "SELECT epoch_us(received) FROM records WHERE provider = 'netguard' AND action = 'moat-watched' AND received >= make_timestamp({since}::BIGINT)"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What none of these stretches holds, from the first to the last.
fn between(mut there: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    there.sort_unstable();
    let mut reached = there.first().map_or(0, |(first, _)| *first);
    let mut found = Vec::new();
    for (first, last) in there {
        if first > reached {
            found.push((reached, first));
        }
        reached = reached.max(last);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_every_writer_ended_and_others_began_there_is_a_pause_however_short() {
        assert_eq!(between(vec![(61, 90), (0, 50), (10, 60), (70, 80)]), [(60, 61)]);
        assert_eq!(between(vec![(0, 10), (20, 30), (40, 50)]), [(10, 20), (30, 40)]);
    }

    #[test]
    fn a_pause_counts_when_the_watch_began_soon_behind_it_and_one_that_only_has_less_to_say_does_not() {
        let (first, second) = ((10, 20), (MINUTE, 2 * MINUTE));
        assert_eq!(witnessed(&[first, second], &[2 * MINUTE + 5, 2 * MINUTE + 9]), [second]);
        assert_eq!(witnessed(&[first, second], &[20, 8 * MINUTE]), [first]);
        assert_eq!(witnessed(&[first, second], &[5]), []);
    }

    #[test]
    fn where_one_writer_goes_on_there_is_none_however_long_it_is_silent() {
        assert_eq!(between(vec![(0, 100), (10, 20), (80, 90)]), []);
        assert_eq!(between(vec![(0, 100)]), []);
        assert_eq!(between(Vec::new()), []);
    }
}
