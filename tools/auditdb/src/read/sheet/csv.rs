//! Comma-separated values (RFC 4180), with a line of names first.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use tool::unprinted;

use super::{Sheet, Target};

/// Prints rows as CSV, the names of the columns first.
pub(crate) struct Csv<W: Write> {
    writer: csv::Writer<W>,
    terminal: bool,
}

impl<W: Write> Csv<W> {
    /// A sheet with no row yet; on a terminal it escapes what a stranger wrote.
    pub(crate) fn new(Target { out, terminal }: Target<W>) -> Self {
        Self { writer: csv::Writer::from_writer(out), terminal }
    }

    fn write(&mut self, cells: impl Iterator<Item = String>) -> Result<()> {
        self.writer.write_record(cells.map(String::into_bytes)).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => unprinted(error),
            other => anyhow::anyhow!("a row is none of CSV: {other:?}"),
        })
    }
}

impl<W: Write> Sheet for Csv<W> {
    fn head(&mut self, names: &[String]) -> Result<()> {
        self.write(names.iter().map(|name| tame(name.clone())))
    }

    fn row(&mut self, values: &[Value]) -> Result<()> {
        let shown =
            |value: &Value| if self.terminal { record::escape(&super::cell(value)) } else { super::cell(value) };
        let cells: Vec<String> =
            values.iter().map(|value| if value.is_string() { tame(shown(value)) } else { shown(value) }).collect();
        self.write(cells.into_iter())
    }

    fn end(&mut self) -> Result<()> {
        self.writer.flush().map_err(unprinted)
    }
}

/// A spreadsheet computes a cell that begins like a formula, and whoever names a file chooses that text: an apostrophe
/// before it makes it text again (OWASP, CSV injection).
fn tame(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
