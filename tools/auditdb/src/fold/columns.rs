//! Rows on their way to DuckDB, a column at a time: handing over each value alone costs more than reading the line.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duckdb::arrow::array::{
    Array, ArrayRef, BooleanBuilder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt8Builder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::types::{TimeUnit, ValueRef};

use super::row::Values;

/// How many rows are handed over at once: DuckDB's own measure.
const ROWS: usize = 2048;
/// How many bytes of lines: some are 1 MiB long.
const BYTES: usize = 8 << 20;

/// One column that is being filled.
#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Long(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Truth(BooleanBuilder),
    Tiny(UInt8Builder),
    Small(UInt16Builder),
    Number(UInt32Builder),
    Big(UInt64Builder),
}

impl Column {
    fn push(&mut self, value: ValueRef<'_>) -> Result<()> {
        match (self, value) {
            (Self::Text(column), ValueRef::Text(text)) => column.append_value(std::str::from_utf8(text)?),
            (Self::Text(column), ValueRef::Null) => column.append_null(),
            (Self::Long(column), ValueRef::BigInt(number)) => column.append_value(number),
            (Self::Time(column), ValueRef::Timestamp(TimeUnit::Microsecond, time)) => column.append_value(time),
            (Self::Truth(column), ValueRef::Boolean(truth)) => column.append_value(truth),
            (Self::Tiny(column), ValueRef::UTinyInt(number)) => column.append_value(number),
            (Self::Tiny(column), ValueRef::Null) => column.append_null(),
            (Self::Small(column), ValueRef::USmallInt(number)) => column.append_value(number),
            (Self::Small(column), ValueRef::Null) => column.append_null(),
            (Self::Number(column), ValueRef::UInt(number)) => column.append_value(number),
            (Self::Number(column), ValueRef::Null) => column.append_null(),
            (Self::Big(column), ValueRef::UBigInt(number)) => column.append_value(number),
            (Self::Big(column), ValueRef::Null) => column.append_null(),
            _ => bail!("a value that its column cannot hold"),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
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
        let column = |(_, kind): &(&str, char)| match kind {
            'l' => Column::Long(Int64Builder::new()),
            't' => Column::Time(TimestampMicrosecondBuilder::new()),
            'b' => Column::Truth(BooleanBuilder::new()),
            '1' => Column::Tiny(UInt8Builder::new()),
            '2' => Column::Small(UInt16Builder::new()),
            '4' => Column::Number(UInt32Builder::new()),
            '8' => Column::Big(UInt64Builder::new()),
            _ => Column::Text(StringBuilder::new()),
        };
        let columns = TABLE.iter().map(column).collect();
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
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect();
        for (filled, array) in self.filled.iter_mut().zip(&arrays) {
            *filled |= array.null_count() < self.rows;
        }
        (self.rows, self.bytes) = (0, 0);
        let named = TABLE.iter().map(|(name, _)| *name).zip(arrays).zip(self.filled);
        let filled = named.filter_map(|(column, filled)| filled.then_some(column));
        RecordBatch::try_from_iter(filled).map(Some).context("rows of one length")
    }
}
