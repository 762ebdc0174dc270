//! Rows on their way to DuckDB, a column at a time: handing over each value alone costs more than reading the line.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duckdb::arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt8Builder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use duckdb::arrow::record_batch::RecordBatch;

use super::row::{Value, Values};

/// How many rows are handed over at once: DuckDB's own measure.
const ROWS: usize = 2048;
/// How many bytes of lines: some are 1 MiB long.
const BYTES: usize = 8 << 20;

/// What one column is made of.
#[derive(Debug)]
enum Builder {
    Text(StringBuilder),
    Long(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Truth(BooleanBuilder),
    Tiny(UInt8Builder),
    Small(UInt16Builder),
    Number(UInt32Builder),
    Big(UInt64Builder),
}

impl Builder {
    fn push(&mut self, value: Value<'_>) -> Result<()> {
        match (self, value) {
            (Self::Text(column), Value::Text(text)) => column.append_value(text),
            (Self::Long(column), Value::Long(number)) => column.append_value(number),
            (Self::Time(column), Value::Time(time)) => column.append_value(time),
            (Self::Truth(column), Value::Truth(truth)) => column.append_value(truth),
            (Self::Tiny(column), Value::Tiny(number)) => column.append_value(number),
            (Self::Small(column), Value::Small(number)) => column.append_value(number),
            (Self::Number(column), Value::Number(number)) => column.append_value(number),
            (Self::Big(column), Value::Big(number)) => column.append_value(number),
            _ => bail!("a value that its column cannot hold"),
        }
        Ok(())
    }

    fn push_nulls(&mut self, count: usize) {
        match self {
            Self::Text(column) => column.append_nulls(count),
            Self::Long(column) => column.append_nulls(count),
            Self::Time(column) => column.append_nulls(count),
            Self::Truth(column) => column.append_nulls(count),
            Self::Tiny(column) => column.append_nulls(count),
            Self::Small(column) => column.append_nulls(count),
            Self::Number(column) => column.append_nulls(count),
            Self::Big(column) => column.append_nulls(count),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => {
                // The next rows take about as much: growing step by step would copy them several times.
                let next = StringBuilder::with_capacity(ROWS, column.values_slice().len());
                Arc::new(std::mem::replace(column, next).finish())
            }
            Self::Long(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
            Self::Truth(column) => Arc::new(column.finish()),
            Self::Tiny(column) => Arc::new(column.finish()),
            Self::Small(column) => Arc::new(column.finish()),
            Self::Number(column) => Arc::new(column.finish()),
            Self::Big(column) => Arc::new(column.finish()),
        }
    }
}

/// One column that is being filled. Half of them stay empty: their NULLs are counted, and made when a value follows.
#[derive(Debug)]
struct Column {
    builder: Builder,
    nulls: usize,
}

impl Column {
    fn of(kind: char) -> Self {
        let builder = match kind {
            'l' => Builder::Long(Int64Builder::new()),
            't' => Builder::Time(TimestampMicrosecondBuilder::new()),
            'b' => Builder::Truth(BooleanBuilder::new()),
            '1' => Builder::Tiny(UInt8Builder::new()),
            '2' => Builder::Small(UInt16Builder::new()),
            '4' => Builder::Number(UInt32Builder::new()),
            '8' => Builder::Big(UInt64Builder::new()),
            _ => Builder::Text(StringBuilder::new()),
        };
        Self { builder, nulls: 0 }
    }

    fn push(&mut self, value: Value<'_>) -> Result<()> {
        if value == Value::Null {
            self.nulls += 1;
            return Ok(());
        }
        self.make_nulls();
        self.builder.push(value)
    }

    fn make_nulls(&mut self) {
        if self.nulls > 0 {
            self.builder.push_nulls(std::mem::take(&mut self.nulls));
        }
    }

    fn finish(&mut self) -> ArrayRef {
        self.make_nulls();
        self.builder.finish()
    }
}

/// The names of the table's columns with a letter for the type: text, long, time, truth, tiny, small, number, big.
const TABLE: [(&str, char); 29] = [
    ("seq", 'l'),
    ("time", 't'),
    ("received", 't'),
    ("provider", 's'),
    ("vouched", 'b'),
    ("id", 's'),
    ("action", 's'),
    ("kind", 's'),
    ("category", 's'),
    ("outcome", 's'),
    ("severity", '1'),
    ("reason", 's'),
    ("message", 's'),
    ("container", 's'),
    ("rule_id", 's'),
    ("rule_name", 's'),
    ("file_path", 's'),
    ("source_ip", 's'),
    ("destination_ip", 's'),
    ("destination_port", '2'),
    ("destination_domain", 's'),
    ("network", 's'),
    ("transport", 's'),
    ("url", 's'),
    ("method", 's'),
    ("status", '2'),
    ("segment", '4'),
    ("position", '8'),
    ("raw", 's'),
];

/// Rows that are being collected.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<Column>,
    /// The columns that a line has filled so far. Most lines fill half of them. DuckDB's crate hands over each NULL
    /// alone, and that costs more than a short text.
    filled: [bool; TABLE.len()],
    rows: usize,
    bytes: usize,
}

impl Columns {
    /// None yet.
    pub(super) fn empty() -> Self {
        let columns = TABLE.iter().map(|(_, kind)| Column::of(*kind)).collect();
        Self { columns, filled: [false; TABLE.len()], rows: 0, bytes: 0 }
    }

    /// Adds a row, whose line has so many bytes.
    pub(super) fn push(&mut self, values: &Values<'_>, bytes: usize) -> Result<()> {
        for (column, value) in self.columns.iter_mut().zip(values.refs()) {
            column.push(value)?;
        }
        (self.rows, self.bytes) = (self.rows + 1, self.bytes + bytes);
        Ok(())
    }

    /// Is it time to hand them over?
    pub(super) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    /// All of them, if there are any, in the columns that were filled so far: never fewer than the last time.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let mut filled = Vec::with_capacity(TABLE.len());
        for (((name, _), column), known) in TABLE.iter().zip(&mut self.columns).zip(&mut self.filled) {
            *known |= column.nulls < self.rows;
            if *known {
                filled.push((*name, column.finish()));
            } else {
                column.nulls = 0;
            }
        }
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_from_iter(filled).map(Some).context("rows of one length")
    }
}
