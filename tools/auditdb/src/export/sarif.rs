//! SARIF 2.1.0 (OASIS): a result for each verdict and each alert. What is unknown is `open`, never `pass`.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use record::Severity;
use serde_json::{Value, json};
use tool::unprinted;

use super::Report;
use super::item::Item;

/// The results, written as they come; the rules they name stand behind them, as JSON lets them.
pub(super) struct Sarif<'o> {
    out: &'o mut dyn Write,
    rules: BTreeMap<String, String>,
    any: bool,
}

impl<'o> Sarif<'o> {
    /// The beginning of the one run.
    pub(super) fn begin(out: &'o mut dyn Write) -> Result<Self> {
        let head =
            r#"{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"results":["#;
        out.write_all(head.as_bytes()).map_err(unprinted)?;
        Ok(Self { out, rules: BTreeMap::new(), any: false })
    }
}

impl Report for Sarif<'_> {
    fn add(&mut self, item: &Item) -> Result<()> {
        let Some((kind, level)) = graded(item) else { return Ok(()) };
        let rule = format!("{}/{}", item.provider, item.rule);
        let name = item.rule_name.clone().unwrap_or_else(|| item.action.clone());
        let result = json!({
            "ruleId": rule,
            "kind": kind,
            "level": level,
            "message": {"text": item.said()},
            "locations": [location(item)],
            "partialFingerprints": {"cellblock/v1": item.fingerprint},
            "properties": {"time": format!("{:.6}", item.time), "outcome": item.outcome, "severity": item.severity, "id": item.id},
        });
        self.rules.entry(rule).or_insert(name);
        let before = if self.any { ",\n" } else { "\n" };
        self.any = true;
        write!(self.out, "{before}{result}").map_err(unprinted)
    }

    fn end(&mut self) -> Result<()> {
        let rules: Vec<Value> =
            self.rules.iter().map(|(id, name)| json!({"id": id, "shortDescription": {"text": name}})).collect();
        let version = env!("CARGO_PKG_VERSION");
        let tool = json!({"driver": {"name": "Cellblock", "semanticVersion": version, "rules": rules}});
        writeln!(self.out, "\n],\"columnKind\":\"unicodeCodePoints\",\"tool\":{tool}}}]}}").map_err(unprinted)
    }
}

/// SARIF's kind and level. A level stands with `fail` alone (section 3.27.10).
fn graded(item: &Item) -> Option<(&'static str, &'static str)> {
    let level = match Severity::from(item.severity) {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "note",
    };
    Some(match item.verdict() {
        Some("failure") => ("fail", level),
        Some("success") if item.is_alert() => ("review", "none"),
        Some("success") => ("pass", "none"),
        // Unknown, and any word that a foreign line may use.
        Some(_) => ("open", "none"),
        None if item.is_alert() => ("review", "none"),
        None => return None,
    })
}

/// Where: a file of the share, else what it is about by name.
fn location(item: &Item) -> Value {
    let name = [item.container.as_deref(), Some(item.subject.as_str()).filter(|subject| !subject.is_empty())];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let logical = json!([{"fullyQualifiedName": if name.is_empty() { item.provider.clone() } else { name }}]);
    match &item.file {
        Some(path) => {
            json!({"physicalLocation": {"artifactLocation": {"uri": uri(path)}}, "logicalLocations": logical})
        }
        None => json!({"logicalLocations": logical}),
    }
}

/// A path as a URI reference: all but unreserved bytes and slashes as `%XX` (RFC 3986 section 2.1).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let shown = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let path: String = path.bytes().map(shown).collect();
    if path.starts_with('/') { format!("file://{path}") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri_whatever_is_in_it() {
        assert_eq!(uri("/share/a b\n%.exe"), "file:///share/a%20b%0A%25.exe");
        assert_eq!(uri("x/y:z"), "x/y%3Az");
    }
}
