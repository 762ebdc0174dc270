//! What is not as it should be, the worst first; what could not be told; what is accepted for a time; and, on demand,
//! what passed.

use std::cmp::Reverse;
use std::fmt::Write as _;

use record::{Outcome, Record, escape};

use super::super::{catalogue, waivers};

/// Is it a finding that nobody accepted?
pub(super) fn is_failure(record: &Record) -> bool {
    record.event.outcome == Some(Outcome::Failure)
}

fn is_unknown(record: &Record) -> bool {
    !matches!(record.event.outcome, Some(Outcome::Failure | Outcome::Success))
}

/// All lists that have something in them, each with an empty line before it.
pub(super) fn findings(records: &[Record], coloured: bool, all: bool) -> String {
    let of = |is: fn(&Record) -> bool| records.iter().filter(|record| is(record)).collect::<Vec<_>>();
    let mut failures = of(is_failure);
    failures.sort_by_key(|record| Reverse(record.event.severity));
    let mut text = String::new();
    let passes = if all {
        of(|record| record.event.outcome == Some(Outcome::Success) && !waivers::is_waived(record))
    } else {
        Vec::new()
    };
    for (word, colour, list) in [
        ("FAILED ", "\x1b[31m", failures),
        ("UNKNOWN", "\x1b[33m", of(is_unknown)),
        ("WAIVED ", "\x1b[36m", of(waivers::is_waived)),
        ("ok     ", "\x1b[32m", passes),
    ] {
        if !list.is_empty() {
            text.push('\n');
        }
        let (on, off) = if coloured { (colour, "\x1b[0m") } else { ("", "") };
        list.into_iter().for_each(|record| one(&mut text, &format!("{on}{word}{off}"), record));
    }
    text
}

/// Two or three lines: what, why, and the way out. Whatever a container chose is escaped.
fn one(text: &mut String, word: &str, record: &Record) {
    const INDENT: &str = "        ";
    let id = record.rule.as_ref().and_then(|rule| rule.id.as_deref()).unwrap_or("-");
    let severity =
        if is_failure(record) { format!("{:<8} ", catalogue::word(record.event.severity)) } else { String::new() };
    let _ = writeln!(text, "{word} {severity}{} {}", escape(id), escape(&record.message));
    if let Some(reason) = &record.event.reason {
        let _ = writeln!(text, "{INDENT}{}", escape(reason));
    }
    if let Some(mend) = record.cellblock.as_ref().and_then(|own| own.mend.as_ref()) {
        let _ = writeln!(text, "{INDENT}fix: {}", escape(mend));
    }
}
