//! Durations in a range, as the front door reads them on a command line too.

use std::ops::RangeInclusive;
use std::time::Duration;

use tool::duration::{NoDuration, parse, show};

use crate::Invalid;
use crate::reader::invalid::quoted;
use crate::reader::value::Value;

/// Reads a duration, and refuses one outside of the range with both ends in the message.
pub(crate) fn read(value: &Value<'_>, range: &RangeInclusive<Duration>) -> Option<Duration> {
    let text = value.text()?;
    let duration = value.accept(parse(text).map_err(|why| invalid(text, why)))?;
    if range.contains(&duration) {
        return Some(duration);
    }
    let (least, most) = (show(*range.start()), show(*range.end()));
    value.refuse(format!("{} is out of range", show(duration)), format!("write {least} to {most}"))
}

fn invalid(text: &str, why: NoDuration) -> Invalid {
    let mend = "write a whole number above 0 and ms, s, m, h or d, such as \"30s\"";
    Invalid::new(format!("{} {why}", quoted(text)), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_text_and_what_to_write() {
        for (text, problem) in [("30 s", "\"30 s\" is not a duration"), ("0s", "\"0s\" is out of range")] {
            let refused = invalid(text, parse(text).unwrap_err());
            assert_eq!(refused.problem, problem);
            assert!(refused.mend.contains("such as \"30s\""), "{refused}");
        }
    }
}
