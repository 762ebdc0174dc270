//! A record as one line for a person.

use std::fmt::Write as _;

use record::{Outcome, Record, Severity, escape};

const RESET: &str = "\x1b[0m";

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
    use record::{Action, Provider};

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
}
