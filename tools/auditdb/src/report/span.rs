//! The time that a report tells of, and times as people read them.

use jiff::Timestamp;

/// A minute, in microseconds.
pub(super) const MINUTE: i64 = 60_000_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// From and to, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) since: i64,
    pub(crate) until: i64,
}

impl Span {
    /// How long one of so many equal slots is.
    pub(super) fn width(self, slots: usize) -> i64 {
        let slots = i64::try_from(slots).unwrap_or(1).max(1);
        ((self.until - self.since) / slots).max(1)
    }

    /// From and to of a slot; the last one takes what division left.
    pub(super) fn slot(self, at: usize, slots: usize) -> (i64, i64) {
        let place = i64::try_from(at).unwrap_or_default();
        let from = self.since + place * self.width(slots);
        (from, if at + 1 == slots { self.until } else { from + self.width(slots) })
    }
}

/// The time of a record.
pub(super) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

/// `28 Nov 11:18`, UTC.
pub(super) fn moment(micros: i64) -> String {
    timestamp(micros).strftime("%d %b %H:%M").to_string()
}

/// `2026-11-28 11:18:05 UTC`, for what may be short.
pub(super) fn exact(micros: i64) -> String {
    timestamp(micros).strftime("%F %T UTC").to_string()
}

/// `2 d`: in the largest unit that fits.
pub(super) fn long(micros: i64) -> String {
    let (number, unit) = match micros.max(0) {
        least if least < MINUTE => (least / (MINUTE / 60), "s"),
        some if some < HOUR => (some / MINUTE, "min"),
        some if some < 2 * DAY => (some / HOUR, "h"),
        more => (more / DAY, "d"),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_the_unit_that_fits() {
        assert_eq!([0, MINUTE - 1, 90 * MINUTE, 38 * HOUR, 3 * DAY].map(long), ["0 s", "59 s", "1 h", "38 h", "3 d"]);
        assert_eq!(moment(1_795_950_000_000_000), "29 Nov 11:00");
        assert_eq!(exact(1_795_950_000_000_000), "2026-11-29 11:00:00 UTC");
    }
}
