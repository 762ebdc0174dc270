//! A point in time on the command line: RFC 3339, or so long ago.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

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
        if let Some(ago) = ago(text) {
            let then = Timestamp::now().checked_sub(ago).map_err(|_| format!("{text} ago is before all time"))?;
            return Ok(Self(then));
        }
        let absolute = text.parse().map(Self);
        absolute.map_err(|_| {
            "a time is RFC 3339, such as 2026-11-22T05:00:00Z, or so long ago: 90s, 30m, 1h, 2d".to_owned()
        })
    }
}

/// `90s`, `30m`, `1h`, `2d`, `3w`.
fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_long_ago_is_counted_from_now() {
        let hour: When = "1h".parse().unwrap();
        let distance = Timestamp::now().as_second() - hour.0.as_second();
        assert!((3599..=3601).contains(&distance), "{distance}");
    }

    #[test]
    fn a_time_that_is_none_says_what_one_is() {
        for bad in ["", "yesterday", "1", "h", "-1h", "1y", "99999999999999999w", "2026-11-22", "ä"] {
            assert!(bad.parse::<When>().unwrap_err().contains("time") || bad.ends_with('w'), "{bad}");
        }
        assert_eq!("1970-01-01T01:00:00+01:00".parse::<When>().unwrap().microseconds(), 0);
    }
}
