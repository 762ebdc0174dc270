//! Durations, written with one unit.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::Invalid;
use crate::reader::invalid::quoted;
use crate::reader::value::Value;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads `"500ms"`, `"30s"`, `"15m"`, `"12h"` or `"90d"`.
///
/// # Errors
/// If it is none of these, zero, or beyond 2⁶⁴ milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    let mend = "write a whole number above 0 and ms, s, m, h or d, such as \"30s\"";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let Some((_, factor)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
        return Err(Invalid::new(format!("{} is not a duration", quoted(text)), mend));
    };
    match number.parse().ok().and_then(|number: u64| number.checked_mul(factor)) {
        Some(millis @ 1..) => Ok(Duration::from_millis(millis)),
        _ => Err(Invalid::new(format!("{} is out of range", quoted(text)), mend)),
    }
}

/// The notation that [`parse_duration`] reads, in the largest unit that divides it; parts of a
/// millisecond are dropped.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| millis >= u128::from(*factor) && millis.is_multiple_of(u128::from(*factor)))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", millis / u128::from(factor))
}

/// A duration in a range.
pub(crate) fn read(value: &Value<'_>, range: &RangeInclusive<Duration>) -> Option<Duration> {
    let duration = value.accept(parse_duration(value.text()?))?;
    if range.contains(&duration) {
        return Some(duration);
    }
    let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
    value.refuse(format!("{} is out of range", show_duration(duration)), format!("write {least} to {most}"))
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
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "30", "s", "0s", "-1s", "+1s", "1.5s", "30 s", "30S", "30sec", "1h30m", "99999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_reads_back_as_it_is_shown(millis in 1u64..) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = parse_duration(&text);
        }
    }
}
