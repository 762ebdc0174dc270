//! A stored line as text for a person, also when it is another program's and no record of our types.

use record::{Action, Outcome, Provider, Record, Severity};

use crate::line::{Columns, Scanner};

/// One line without its break. Everything from the line is escaped.
pub(crate) fn text(raw: &str, coloured: bool) -> String {
    if let Ok(record) = serde_json::from_str::<Record>(raw) {
        return record::render(&record, coloured);
    }
    match Scanner::default().scan(raw) {
        Ok(columns) => record::render(&likeness(&columns), coloured),
        Err(_) => record::escape(raw),
    }
}

/// A record that says as much of the line as the columns hold.
fn likeness(columns: &Columns<'_>) -> Record {
    let owned = |field: &Option<std::borrow::Cow<'_, str>>| field.as_deref().unwrap_or_default().to_owned();
    let mut record = Record::new(Provider::Auditdb, Action::RunFinished, message(columns));
    if let Some(time) = columns.time.as_deref().and_then(|time| time.parse().ok()) {
        record.timestamp = time;
    }
    record.event.provider = owned(&columns.provider);
    record.event.action = owned(&columns.action);
    record.event.severity = columns.severity.map_or(Severity::Informational, Severity::from);
    record.event.reason = columns.reason.as_deref().map(str::to_owned);
    record.event.outcome = match columns.outcome.as_deref() {
        Some("success") => Some(Outcome::Success),
        Some("failure") => Some(Outcome::Failure),
        Some("unknown") => Some(Outcome::Unknown),
        _ => None,
    };
    record
}

/// The line's own message, or who asked whom for what and what came of it.
fn message(columns: &Columns<'_>) -> String {
    if let Some(message) = columns.message.as_deref().filter(|message| !message.is_empty()) {
        return message.to_owned();
    }
    let status = columns.status.map(|status| format!("→ {status}"));
    let parts = [
        columns.source_ip.as_deref(),
        columns.method.as_deref(),
        columns.url.as_deref().or(columns.destination_domain.as_deref()).or(columns.destination_ip.as_deref()),
        status.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_gate_that_is_no_record_of_ours_is_shown_all_the_same() {
        let line = r#"{"@timestamp":"2026-11-22T05:00:00.5Z","event":{"provider":"egress-proxy","action":"request-denied","outcome":"failure"},
            "source":{"ip":"172.30.2.2"},"http":{"request":{"method":"GET"},"response":{"status_code":403}},"url":{"full":"https://x/"},"nginx":{"pid":3}}"#;
        let shown = text(line, false);
        assert_eq!(shown, "2026-11-22T05:00:00.500Z FAIL egress-proxy request-denied: 172.30.2.2 GET https://x/ → 403");
    }

    #[test]
    fn what_a_line_holds_cannot_move_the_cursor() {
        let line = "{\"event\":{\"provider\":\"p\\u001b[2J\",\"action\":\"a\\nb\"},\"message\":\"\\u202e\",\"more\":1}";
        assert!(!text(line, false).chars().any(|c| c.is_control() || c == '\u{202e}'));
        assert!(!text("\u{1b}[2J not json", false).contains('\u{1b}'));
    }
}
