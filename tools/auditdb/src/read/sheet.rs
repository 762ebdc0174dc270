//! Where the rows of an answer go: JSON lines, a table for a person, or CSV for a spreadsheet.

mod csv;
mod json_lines;
mod table;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::Value;

pub(crate) use csv::Csv;
pub(crate) use json_lines::JsonLines;
pub(crate) use table::Table;

/// How `query` prints rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rows {
    /// For a person, as wide as the screen.
    Table,
    /// One JSON object a line.
    Jsonl,
    /// For a spreadsheet.
    Csv,
    /// For other databases, with the types of the columns; never on a terminal.
    Parquet,
}

/// Takes rows, one after the other.
pub(crate) trait Sheet {
    /// The names of the columns, before any row.
    fn head(&mut self, names: &[String]) -> Result<()>;
    /// A row, in the order of the names.
    fn row(&mut self, values: &[Value]) -> Result<()>;
    /// Hands on what is held back.
    fn end(&mut self) -> Result<()>;
}

/// A value as the text of a cell; nothing for NULL.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Where rows go: on a terminal, what would move its cursor is escaped.
pub(crate) struct Target<W> {
    pub(crate) out: W,
    pub(crate) terminal: bool,
}
