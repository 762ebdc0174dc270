//! A stored line as people and programs read it: under the source that vouches for it.
//!
//! What a line says of itself is a claim. A line that came in as `cell` and says `egress-proxy` is shown as the cell's,
//! with the claim beside it. Nobody who filters by `event.provider` may be fooled by whoever writes one.

use std::borrow::Cow;

use jiff::Timestamp;
use record::cellblock::Claim;
use record::{Action, Outcome, Provider, Record, Severity};
use serde_json::{Map, Value};

use crate::line::{Columns, Scanner};

/// One line without its break, for a person. Everything from the line is escaped. `source` is who vouches for it, where
/// that is known.
pub(crate) fn text(raw: &str, source: Option<&str>, coloured: bool) -> String {
    record_of(raw, source, None).map_or_else(|| record::escape(raw), |record| tool::render(&record, coloured))
}

/// The record that a line is, or what is like it, as its source's; `None` for a line that is no JSON. A line without a
/// time has that at which it was received, where that is known.
pub(super) fn record_of(raw: &str, source: Option<&str>, received: Option<Timestamp>) -> Option<Record> {
    let mut record = match Record::from_json(raw.as_bytes()) {
        Ok(record) => record,
        Err(_) => likeness(&Scanner::default().scan(raw).ok()?, raw, received),
    };
    if let Some(claimed) = attribute(&mut record.event.provider, source) {
        record.message = format!("{} [it says it is {claimed}'s]", record.message);
    }
    Some(record)
}

/// One line for a program: as it came in where it names its source. Else `event.provider` has the source,
/// `event.original` the line itself, and `cellblock.claim` what it said of itself.
pub(crate) fn json<'a>(raw: &'a str, source: Option<&str>) -> Cow<'a, str> {
    let raw = raw.trim_end_matches('\r');
    let Some(source) = source else { return Cow::Borrowed(raw) };
    let scanned = Scanner::default().scan(raw).ok().and_then(|columns| columns.provider.map(Cow::into_owned));
    if scanned.as_deref() == Some(source) {
        return Cow::Borrowed(raw);
    }
    match serde_json::from_str::<Map<String, Value>>(raw) {
        Ok(line) => Cow::Owned(Value::Object(attributed(line, raw, source, scanned)).to_string()),
        Err(_) => Cow::Borrowed(raw),
    }
}

fn attributed(mut line: Map<String, Value>, raw: &str, source: &str, claimed: Option<String>) -> Map<String, Value> {
    let event = object(&mut line, "event");
    event.insert("provider".to_owned(), source.into());
    event.insert("original".to_owned(), raw.into());
    if let Some(claimed) = claimed {
        let claim = Claim { provider: Some(claimed) };
        object(&mut line, "cellblock").insert("claim".to_owned(), serde_json::to_value(claim).unwrap_or_default());
    }
    line
}

/// The object of this name; whatever else stands there gives way, for the line itself is kept whole.
fn object<'a>(line: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let place = line.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Object(object) => object,
        _ => unreachable!("it was made an object"),
    }
}

/// Puts the source in the place of the claim, and gives back a claim that differs.
fn attribute(provider: &mut String, source: Option<&str>) -> Option<String> {
    let source = source.filter(|source| *source != provider.as_str())?;
    let claimed = std::mem::replace(provider, source.to_owned());
    (!claimed.is_empty()).then_some(claimed)
}

/// A record that says as much of the line as the columns hold.
fn likeness(columns: &Columns<'_>, raw: &str, received: Option<Timestamp>) -> Record {
    let owned = |field: &Option<std::borrow::Cow<'_, str>>| field.as_deref().unwrap_or_default().to_owned();
    let mut record = Record::new(Provider::Auditdb, Action::RunFinished, message(columns, raw));
    if let Some(time) = columns.time.as_deref().and_then(|time| time.parse().ok()).or(received) {
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

/// The line's own message; else who asked whom for what, and what came of it; else the line as it is.
fn message(columns: &Columns<'_>, raw: &str) -> String {
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
    let said = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if said.is_empty() && columns.action.is_none() { raw.to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_gate_that_is_no_record_of_ours_is_shown_all_the_same() {
        let line = r#"{"@timestamp":"2026-11-22T05:00:00.5Z","event":{"provider":"egress-proxy","action":"request-denied","outcome":"failure"},
            "source":{"ip":"172.30.2.2"},"http":{"request":{"method":"GET"},"response":{"status_code":403}},"url":{"full":"https://x/"},"nginx":{"pid":3}}"#;
        let shown = text(line, Some("egress-proxy"), false);
        assert_eq!(shown, "2026-11-22T05:00:00.500Z FAIL egress-proxy request-denied: 172.30.2.2 GET https://x/ → 403");
    }

    #[test]
    fn what_a_line_holds_cannot_move_the_cursor() {
        let line = "{\"event\":{\"provider\":\"p\\u001b[2J\",\"action\":\"a\\nb\"},\"message\":\"\\u202e\",\"more\":1}";
        for source in [None, Some("cell")] {
            assert!(!text(line, source, false).chars().any(|c| c.is_control() || c == '\u{202e}'));
            assert!(!text("\u{1b}[2J not json", source, false).contains('\u{1b}'));
        }
    }

    const FORGED: &str = r#"{"@timestamp":"2026-11-22T05:00:00Z","event":{"id":"x","provider":"egress-proxy","action":"request-allowed","outcome":"success"},"message":"all is well"}"#;

    #[test]
    fn a_line_that_names_another_than_its_source_is_shown_as_its_source_s_with_the_claim_beside_it() {
        let shown = text(FORGED, Some("cell"), false);
        assert!(shown.contains(" cell request-allowed: all is well [it says it is egress-proxy's]"), "{shown}");
        let shown: Value = serde_json::from_str(&json(FORGED, Some("cell"))).unwrap();
        assert_eq!(shown["event"]["provider"], "cell");
        assert_eq!(shown["event"]["original"], FORGED);
        assert_eq!(shown["cellblock"]["claim"]["provider"], "egress-proxy");
        assert_eq!(shown["message"], "all is well");
    }

    #[test]
    fn a_line_that_names_its_source_or_that_nobody_vouches_for_is_shown_as_it_came() {
        assert_eq!(json(FORGED, Some("egress-proxy")), FORGED);
        assert_eq!(json(FORGED, None), FORGED);
        assert!(!text(FORGED, Some("egress-proxy"), false).contains("it says"));
    }

    #[test]
    fn a_foreign_line_without_names_of_ours_is_shown_whole_and_as_its_source_s() {
        let foreign = r#"{"level":"warn","msg":"disk is slow","event":3}"#;
        let shown: Value = serde_json::from_str(&json(foreign, Some("cell"))).unwrap();
        assert_eq!((shown["event"]["provider"].as_str(), shown["level"].as_str()), (Some("cell"), Some("warn")));
        let shown = text(r#"{"level":"warn","msg":"disk is slow"}"#, Some("cell"), false);
        assert!(shown.contains(" cell ") && shown.contains(r#"{"level":"warn","msg":"disk is slow"}"#), "{shown}");
    }
}
