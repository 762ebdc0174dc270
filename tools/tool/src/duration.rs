//! A duration as a person writes it, in the policy and on command lines: a whole number and one unit.

use std::fmt;
use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDuration {
    /// It is no number with a unit of ours behind it.
    Shape,
    /// It is zero, or beyond 2⁶⁴ milliseconds.
    Range,
}

impl fmt::Display for NoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "is not a duration",
            Self::Range => "is out of range",
        })
    }
}

impl std::error::Error for NoDuration {}

/// Reads `"500ms"`, `"30s"`, `"15m"`, `"12h"` or `"90d"`.
///
/// # Errors
/// If it is none of these, zero, or beyond 2⁶⁴ milliseconds.
pub fn parse(text: &str) -> Result<Duration, NoDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(NoDuration::Shape)?;
    match number.parse().ok().and_then(|number: u64| number.checked_mul(factor)) {
        Some(millis @ 1..) => Ok(Duration::from_millis(millis)),
        _ => Err(NoDuration::Range),
    }
}

/// The notation that [`parse`] reads, in the largest unit that divides it; parts of a
/// millisecond are dropped.
#[must_use]
pub fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| millis >= u128::from(*factor) && millis.is_multiple_of(u128::from(*factor)))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", millis / u128::from(factor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_reads_in_every_unit() {
        for (text, millis) in
            [("500ms", 500), ("30s", 30_000), ("15m", 900_000), ("2h", 7_200_000), ("90d", 7_776_000_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)));
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "30", "-1s", "+1s", "1.5s", "30 s", "30S", "30sec", "1h30m"] {
            assert_eq!(parse(text), Err(NoDuration::Shape), "{text}");
        }
        for text in ["s", "0s", "99999999999999999d"] {
            assert_eq!(parse(text), Err(NoDuration::Range), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_reads_back_as_it_is_shown(millis in 1u64..) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
