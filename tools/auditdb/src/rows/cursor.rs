//! The rows of a segment as DuckDB hands them out, in columns: a value made of each would cost more than all else.

use anyhow::{Result, anyhow};
use duckdb::Arrow;
use duckdb::arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use duckdb::arrow::record_batch::RecordBatch;

use crate::fold::{Value, Values};

/// Where position and raw stand in the table.
const POSITION: usize = 27;
const RAW: usize = 28;

/// One column of some rows.
#[derive(Debug)]
enum Column {
    Text(StringArray),
    Long(Int64Array),
    Time(TimestampMicrosecondArray),
    Truth(BooleanArray),
    Tiny(UInt8Array),
    Small(UInt16Array),
    Number(UInt32Array),
    Big(UInt64Array),
}

impl Column {
    fn of(array: &ArrayRef) -> Result<Self> {
        let any = array.as_any();
        let text = any.downcast_ref().cloned().map(Self::Text);
        text.or_else(|| any.downcast_ref().cloned().map(Self::Long))
            .or_else(|| any.downcast_ref().cloned().map(Self::Time))
            .or_else(|| any.downcast_ref().cloned().map(Self::Truth))
            .or_else(|| any.downcast_ref().cloned().map(Self::Tiny))
            .or_else(|| any.downcast_ref().cloned().map(Self::Small))
            .or_else(|| any.downcast_ref().cloned().map(Self::Number))
            .or_else(|| any.downcast_ref().cloned().map(Self::Big))
            .ok_or_else(|| anyhow!("the database has a column of {}, which is none of ours", array.data_type()))
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Text(array) => array,
            Self::Long(array) => array,
            Self::Time(array) => array,
            Self::Truth(array) => array,
            Self::Tiny(array) => array,
            Self::Small(array) => array,
            Self::Number(array) => array,
            Self::Big(array) => array,
        }
    }

    /// Does this hold just that?
    fn is(&self, row: usize, expected: Value<'_>) -> bool {
        if self.array().is_null(row) {
            return expected == Value::Null;
        }
        match (self, expected) {
            (Self::Text(array), Value::Text(text)) => array.value(row) == text,
            (Self::Long(array), Value::Long(number)) => array.value(row) == number,
            (Self::Time(array), Value::Time(time)) => array.value(row) == time,
            (Self::Truth(array), Value::Truth(truth)) => array.value(row) == truth,
            (Self::Tiny(array), Value::Tiny(number)) => array.value(row) == number,
            (Self::Small(array), Value::Small(number)) => array.value(row) == number,
            (Self::Number(array), Value::Number(number)) => array.value(row) == number,
            (Self::Big(array), Value::Big(number)) => array.value(row) == number,
            _ => false,
        }
    }
}

/// A row, one after the other.
pub(super) struct Cursor<'s> {
    batches: Arrow<'s>,
    columns: Vec<Column>,
    rows: usize,
    at: usize,
}

impl<'s> Cursor<'s> {
    /// Stands at the first row.
    pub(super) fn begin(batches: Arrow<'s>) -> Result<Self> {
        let mut cursor = Self { batches, columns: Vec::new(), rows: 0, at: 0 };
        cursor.fill()?;
        Ok(cursor)
    }

    /// Goes to the next row.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.at += 1;
        if self.at < self.rows { Ok(()) } else { self.fill() }
    }

    fn fill(&mut self) -> Result<()> {
        let next = self.batches.by_ref().find(|batch| batch.num_rows() > 0);
        (self.at, self.rows) = (0, next.as_ref().map_or(0, RecordBatch::num_rows));
        self.columns = next.iter().flat_map(RecordBatch::columns).map(Column::of).collect::<Result<_>>()?;
        Ok(())
    }

    /// Where the row says its line is; `None` behind the last row.
    pub(super) fn position(&self) -> Option<u64> {
        (self.at < self.rows).then(|| match self.columns.get(POSITION) {
            Some(Column::Big(array)) if !array.is_null(self.at) => array.value(self.at),
            _ => 0,
        })
    }

    /// The line that the row holds.
    pub(super) fn raw(&self) -> Option<&str> {
        match self.columns.get(RAW) {
            Some(Column::Text(array)) if self.at < self.rows && !array.is_null(self.at) => Some(array.value(self.at)),
            _ => None,
        }
    }

    /// Is all but the number of the row what it must be?
    pub(super) fn is(&self, values: &Values<'_>) -> bool {
        let mut expected = values.refs().enumerate();
        self.at < self.rows
            && self.columns.len() == values.refs().count()
            && expected
                .all(|(at, value)| at == 0 || self.columns.get(at).is_some_and(|column| column.is(self.at, value)))
    }
}
