//! A table for a person.

use std::io::Write;

use anyhow::Result;
use comfy_table::{ContentArrangement, presets};
use serde_json::Value;
use tool::unprinted;

use super::{Sheet, cell};
use crate::read::width;

/// More rows than this nobody reads: they are counted, and told where all of them are to be had.
const MOST: usize = 1000;

/// Rows as a table as wide as the screen.
pub(crate) struct Table<W: Write> {
    out: W,
    table: comfy_table::Table,
    left_out: usize,
}

impl<W: Write> Table<W> {
    /// A table with no row yet, as wide as the terminal; it is printed whole at the end.
    pub(crate) fn new(out: W) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width()).unwrap_or(u16::MAX));
        Self { out, table, left_out: 0 }
    }
}

impl<W: Write> Sheet for Table<W> {
    fn head(&mut self, names: &[String]) -> Result<()> {
        self.table.set_header(names.iter().map(|name| record::escape(name)));
        Ok(())
    }

    fn row(&mut self, values: &[Value]) -> Result<()> {
        if self.table.row_count() >= MOST {
            self.left_out += 1;
            return Ok(());
        }
        // Escaped wherever it goes: a line break in a cell could forge the next row.
        self.table.add_row(values.iter().map(|value| record::escape(&cell(value))));
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        writeln!(self.out, "{}", self.table).map_err(unprinted)?;
        if self.left_out > 0 {
            eprintln!(
                "auditdb: {} more than the {MOST} rows of this table; --output csv or jsonl has them all",
                self.left_out
            );
        }
        self.out.flush().map_err(unprinted)
    }
}
