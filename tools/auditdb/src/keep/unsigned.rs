//! Segments that no checkpoint speaks of.
//!
//! A writer has the first lines of each of its segments signed before it acknowledges them. So a segment without any
//! signature stands for one of three: its writer died in that moment, it could not sign, or it is somebody else's.
//! Nobody can tell which.

use jiff::Timestamp;
use record::Outcome;

use super::walk::Found;
use crate::spool;

/// How many seconds may lie between a segment's first line and its checkpoint. Those who sign may wait for each other,
/// and the checkpoints were read before the segments were.
const MOMENT: i64 = 60;

/// Why it is no pass, and what to do.
const WHY: &str = "no checkpoint speaks of it: its writer died at its first line or could not sign, or somebody else put it \
                   there; read its lines, and `auditdb prune` lets it go with its time";

/// Takes the pass from a segment that has lines and no signature, unless it was begun a moment ago.
pub(super) fn doubt(name: &str, found: &mut Found, now: Timestamp) {
    let signed = found.signed.max(found.anchored) > 0;
    let is_new = || spool::begun(name).is_some_and(|begun| (begun.as_second() - now.as_second()).abs() <= MOMENT);
    if found.outcome == Outcome::Success && found.lines > 0 && !signed && !is_new() {
        found.outcome = Outcome::Unknown;
        found.reason = Some(WHY.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, lines: u64, signed: u64, age: i64) -> Outcome {
        let mut found = Found::default();
        (found.lines, found.signed) = (lines, signed);
        let now = Timestamp::from_second(1_795_323_600 + age).unwrap();
        doubt(name, &mut found, now);
        found.outcome
    }

    #[test]
    fn only_a_segment_with_a_signature_or_of_this_moment_or_without_a_line_passes() {
        // Begun at 1795323600 s: 1a201a01c80 are the milliseconds.
        let name = "01a201a0-1c80-7000-8000-000000000000-7.jsonl";
        for (lines, signed, age, expected) in [
            (9, 9, 3600, Outcome::Success),
            (9, 1, 3600, Outcome::Success),
            (0, 0, 3600, Outcome::Success),
            (9, 0, 60, Outcome::Success),
            (9, 0, 61, Outcome::Unknown),
            // Of a clock that was set back, or of who chose a name that is never old.
            (9, 0, -61, Outcome::Unknown),
        ] {
            assert_eq!(outcome(name, lines, signed, age), expected, "{lines} lines, {signed} signed, {age} s old");
        }
        assert_eq!(outcome("whatever.jsonl", 9, 0, 0), Outcome::Unknown);
    }
}
