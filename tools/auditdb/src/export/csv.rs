//! CSV: all records, a row each.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use super::Report;
use super::item::Item;
use crate::read::sheet::{Csv as Rows, Sheet, Target};

const NAMES: [&str; 13] = [
    "time",
    "provider",
    "action",
    "outcome",
    "severity",
    "rule",
    "container",
    "subject",
    "message",
    "reason",
    "kind",
    "id",
    "fingerprint",
];

/// Writes records as CSV, for a spreadsheet.
pub(super) struct Csv<'o>(Rows<&'o mut dyn Write>);

impl<'o> Csv<'o> {
    /// Begins with the line of column names.
    pub(super) fn begin(out: &'o mut dyn Write) -> Result<Self> {
        let mut rows = Rows::new(Target { out, terminal: false });
        rows.head(&NAMES.map(str::to_owned))?;
        Ok(Self(rows))
    }
}

impl Report for Csv<'_> {
    fn add(&mut self, item: &Item) -> Result<()> {
        let text = |text: &str| Value::from(text);
        let maybe = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        self.0.row(&[
            text(&format!("{:.6}", item.time)),
            text(&item.provider),
            text(&item.action),
            maybe(&item.outcome),
            item.severity.into(),
            text(&item.rule),
            maybe(&item.container),
            text(&item.subject),
            maybe(&item.message),
            maybe(&item.reason),
            maybe(&item.kind),
            maybe(&item.id),
            text(&item.fingerprint),
        ])
    }

    fn end(&mut self) -> Result<()> {
        self.0.end()
    }
}
