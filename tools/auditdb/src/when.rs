//! A point in time on the command line, as journalctl(1) and date(1) take it.
//!
//! jiff reads RFC 3339, dates and spans; the crate `parse_datetime` reads the words of GNU date(1). None of the grammar
//! is ours. A word that names a day means the whole day, so it begins at midnight where the reader is.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, Zoned};
use parse_datetime::parse_datetime_at_date;

/// The message to somebody who wrote no time.
const SHAPES: &str = "a time is so long ago (90s, 30m, 2d, 1w, \"2 days ago\"); a day (today, yesterday, \"last week\", \
                      2026-11-28); a time of a day (\"2026-11-28 05:00\"); or RFC 3339 (2026-11-28T05:00:00Z)";

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When(Timestamp);

impl When {
    /// Microseconds since 1970, UTC.
    pub(crate) fn microseconds(self) -> i64 {
        self.0.as_microsecond()
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        at(text.trim(), &Zoned::now()).map(Self)
    }
}

/// The time that a text means for somebody whose clock and zone say `now`.
fn at(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Ok(exact);
    }
    let found = day_or_time(text, now).or_else(|| ago(text, now)).or_else(|| words(text, now));
    found.map(|found| found.timestamp()).ok_or_else(|| SHAPES.to_owned())
}

/// `2026-11-28`, and `2026-11-28 05:00`, where the reader is.
fn day_or_time(text: &str, now: &Zoned) -> Option<Zoned> {
    if let Ok(day) = Date::strptime("%Y-%m-%d", text) {
        return day.to_zoned(now.time_zone().clone()).ok();
    }
    let digits = text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-');
    text.parse::<DateTime>().ok().filter(|_| digits)?.to_zoned(now.time_zone().clone()).ok()
}

/// `90s`, `1h30m`, `2 days ago`; as with journalctl(1), a minus says the same.
fn ago(text: &str, now: &Zoned) -> Option<Zoned> {
    let span: Span = text.parse().ok().filter(|_| !text.starts_with('+'))?;
    now.checked_sub(span.abs()).ok()
}

/// `yesterday`, `last week`, `monday`.
fn words(text: &str, now: &Zoned) -> Option<Zoned> {
    // Single letters are names of military time zones to date(1), and numbers are hours: here they are slips.
    text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| word.len() > 2)?;
    let found = parse_datetime_at_date(now.clone(), text).ok()?.as_zoned()?.with_time_zone(now.time_zone().clone());
    let names_a_day = found.time() == now.time() && !text.eq_ignore_ascii_case("now");
    if names_a_day { found.start_of_day().ok() } else { Some(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader in Zurich means on a Sunday afternoon, in words of theirs.
    fn meant(text: &str) -> String {
        let now: Zoned = "2026-11-29T15:30:20.5+01:00[Europe/Zurich]".parse().unwrap();
        at(text, &now)
            .unwrap_or_else(|why| panic!("{text}: {why}"))
            .to_zoned(now.time_zone().clone())
            .datetime()
            .to_string()
    }

    #[test]
    fn spans_are_counted_from_now() {
        assert_eq!(meant("90s"), "2026-11-29T15:28:50.5");
        assert_eq!(meant("30m"), "2026-11-29T15:00:20.5");
        assert_eq!(meant("1h30m"), "2026-11-29T14:00:20.5");
        assert_eq!(meant("2d"), "2026-11-27T15:30:20.5");
        assert_eq!(meant("1w"), "2026-11-22T15:30:20.5");
        assert_eq!(meant("2 days ago"), "2026-11-27T15:30:20.5");
        assert_eq!(meant("-1h"), "2026-11-29T14:30:20.5");
        assert_eq!(meant("0s"), "2026-11-29T15:30:20.5");
    }

    #[test]
    fn a_day_begins_at_midnight_where_the_reader_is() {
        for (text, midnight) in [
            ("today", "2026-11-29T00:00:00"),
            ("yesterday", "2026-11-28T00:00:00"),
            ("last week", "2026-11-22T00:00:00"),
            ("2026-11-28", "2026-11-28T00:00:00"),
            ("2026-11-28 05:00", "2026-11-28T05:00:00"),
            ("2026-11-28T05:00:01", "2026-11-28T05:00:01"),
            ("now", "2026-11-29T15:30:20.5"),
            ("2026-11-28T05:00:00Z", "2026-11-28T06:00:00"),
            ("1970-01-01T01:00:00+01:00", "1970-01-01T01:00:00"),
        ] {
            assert_eq!(meant(text), midnight, "{text}");
        }
    }

    #[test]
    fn a_day_with_a_change_of_the_clock_begins_at_its_own_midnight() {
        let now: Zoned = "2026-03-29T12:00:00+02:00[Europe/Zurich]".parse().unwrap();
        assert_eq!(at("today", &now).unwrap().to_string(), "2026-03-28T23:00:00Z");
    }

    #[test]
    fn a_time_that_is_none_says_what_one_is() {
        for bad in
            ["", "1", "h", "99999999999999999w", "ä", "+1h", "soon", "yesterdai", "2026-13-01", "28.11.2026", "-"]
        {
            assert!(bad.parse::<When>().is_err_and(|why| why.contains("RFC 3339")), "{bad}");
        }
    }
}
