//! A record as one line for a person. Whatever an attacker may have chosen is escaped first:
//! a file name must not move the cursor, recolour the screen or forge a second line.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::event::{Outcome, Severity};
use crate::record::Record;

const RESET: &str = "\x1b[0m";

/// Makes text harmless on a terminal: control characters, separators of lines and paragraphs, and what turns the
/// direction of text become `\u{…}`. A backslash is doubled.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Makes JSON harmless on a terminal, and leaves it the same JSON: the characters that [`escape`] escapes become `\uXXXX`
/// (RFC 8259 section 7). Raw, they can stand in strings only.
#[must_use]
pub fn harmless(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_unsafe(c) {
            let mut units = [0u16; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control, format and separator characters that change how what follows is shown
/// (Unicode TR36 §2.10: bidirectional text spoofing).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line: time, mark, action, message, and the reason where there is one. No line break at its end.
#[must_use]
pub fn render(record: &Record, coloured: bool) -> String {
    render_at(&format!("{:.3}", record.timestamp), record, coloured)
}

/// [`render`], with the record's time as its reader writes one.
#[must_use]
pub fn render_at(time: &str, record: &Record, coloured: bool) -> String {
    let event = &record.event;
    let (mark, colour) = mark(event.outcome, event.severity);
    let (on, off) = if coloured { (colour, RESET) } else { ("", "") };
    let mut line = format!(
        "{time} {on}{mark}{off} {} {}: {}",
        escape(&event.provider),
        escape(&event.action),
        escape(&record.message)
    );
    if let Some(reason) = &event.reason {
        let _ = write!(line, " ({})", escape(reason));
    }
    if let Some(counts) = record.cellblock.as_ref().and_then(|own| own.counts) {
        let _ = write!(
            line,
            " {} checked, {} passed, {} failed, {} unknown",
            counts.checked, counts.passed, counts.failed, counts.unknown
        );
    }
    if let Some(mend) = record.cellblock.as_ref().and_then(|own| own.mend.as_ref()) {
        let _ = write!(line, " → {}", escape(mend));
    }
    line
}

/// Four letters wide, so that columns stand.
fn mark(outcome: Option<Outcome>, severity: Severity) -> (&'static str, &'static str) {
    match (outcome, severity) {
        (Some(Outcome::Failure), Severity::Critical) => ("FAIL", "\x1b[1;31m"),
        (Some(Outcome::Failure), _) => ("FAIL", "\x1b[31m"),
        (Some(Outcome::Unknown), _) => ("????", "\x1b[33m"),
        (_, Severity::Critical) => ("HIGH", "\x1b[1;31m"),
        (_, Severity::High) => ("HIGH", "\x1b[31m"),
        (_, Severity::Medium) => ("WARN", "\x1b[33m"),
        (Some(Outcome::Success), _) => ("pass", "\x1b[32m"),
        (None, _) => ("info", "\x1b[36m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Provider};
    use proptest::prelude::*;

    #[test]
    fn a_file_name_cannot_forge_a_second_line() {
        let record = Record::new(Provider::Scanwatch, Action::FileQuarantined, "evil\n2026 pass all is well\x1b[2J");
        let line = render(&record, false);
        assert!(!line.contains('\n') && !line.contains('\x1b'), "{line:?}");
        assert!(line.contains("evil\\n2026"), "{line}");
    }

    #[test]
    fn colour_is_only_where_it_is_asked_for() {
        let record = Record::new(Provider::Netguard, Action::RulePlanned, "x").outcome(Outcome::Failure);
        assert!(render(&record, true).contains("\x1b[31mFAIL"));
        assert!(!render(&record, false).contains('\x1b'));
    }

    #[test]
    fn what_is_critical_stands_out_among_failures() {
        let record = Record::new(Provider::Auditdb, Action::RefMoved, "x").outcome(Outcome::Failure);
        assert!(render(&record.clone().severity(Severity::High), true).contains("\x1b[31mFAIL"));
        assert!(render(&record.severity(Severity::Critical), true).contains("\x1b[1;31mFAIL"));
    }

    proptest! {
        #[test]
        fn nothing_escaped_holds_a_control_character(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_unsafe));
        }

        #[test]
        fn harmless_json_is_the_same_json_and_moves_no_cursor(text in any::<String>()) {
            let json = serde_json::to_string(&format!("{text}\u{9b}2J\u{202e}\u{e0041}")).unwrap();
            let shown = harmless(&json);
            prop_assert!(!shown.chars().any(is_unsafe), "{shown}");
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), serde_json::from_str::<String>(&json).unwrap());
        }
    }
}
