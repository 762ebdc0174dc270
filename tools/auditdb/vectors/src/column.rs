//! One column of some rows.

use std::ops::Range;

/// How many rows are handed over at once: what one of DuckDB's vectors holds (`STANDARD_VECTOR_SIZE`).
pub(crate) const ROWS: usize = 2048;
/// In how many words DuckDB says which of them are there.
pub(crate) const WORDS: usize = ROWS / 64;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `VARCHAR`
    Text,
    /// `BIGINT`
    Long,
    /// `TIMESTAMP`
    Time,
    /// `BOOLEAN`
    Truth,
    /// `UTINYINT`
    Tiny,
    /// `USMALLINT`
    Small,
    /// `UINTEGER`
    Number,
    /// `UBIGINT`
    Big,
}

/// What stands in one column of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL's `NULL`, for a column of any kind.
    Null,
    /// Text, which is UTF-8 already: it is not proved again.
    Text(&'a str),
    /// For a `BIGINT`.
    Long(i64),
    /// Microseconds since 1970 UTC.
    Time(i64),
    /// For a `BOOLEAN`.
    Truth(bool),
    /// For a `UTINYINT`.
    Tiny(u8),
    /// For a `USMALLINT`.
    Small(u16),
    /// For a `UINTEGER`.
    Number(u32),
    /// For a `UBIGINT`.
    Big(u64),
}

/// The values by their row. Where none is, there stands what was there before.
#[derive(Debug)]
pub(crate) enum Data {
    /// Where each text lies among the bytes of all.
    Text(Vec<Range<usize>>),
    Long(Vec<i64>),
    Truth(Vec<bool>),
    Tiny(Vec<u8>),
    Small(Vec<u16>),
    Number(Vec<u32>),
    Big(Vec<u64>),
}

/// One column that is being filled. A NULL costs nothing: half of a line's columns are NULL.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) data: Data,
    /// A bit for each row that has a value, as DuckDB counts them.
    pub(crate) there: [u64; WORDS],
    /// Has any row had a value, since the beginning?
    pub(crate) known: bool,
}

impl Column {
    pub(crate) fn of(name: &str, kind: Kind) -> Self {
        let data = match kind {
            Kind::Text => Data::Text(vec![0..0; ROWS]),
            Kind::Long | Kind::Time => Data::Long(vec![0; ROWS]),
            Kind::Truth => Data::Truth(vec![false; ROWS]),
            Kind::Tiny => Data::Tiny(vec![0; ROWS]),
            Kind::Small => Data::Small(vec![0; ROWS]),
            Kind::Number => Data::Number(vec![0; ROWS]),
            Kind::Big => Data::Big(vec![0; ROWS]),
        };
        Self { name: name.to_owned(), kind, data, there: [0; WORDS], known: false }
    }

    /// Puts a value into a row; `false` if the column cannot hold it. The bytes of a text come behind those of the
    /// others.
    pub(crate) fn put(&mut self, row: usize, value: Value<'_>, texts: &mut Vec<u8>) -> bool {
        let fits = match (&mut self.data, value) {
            (_, Value::Null) => return true,
            (Data::Text(column), Value::Text(text)) => {
                let start = texts.len();
                texts.extend_from_slice(text.as_bytes());
                set(column, row, start..texts.len())
            }
            (Data::Long(column), Value::Long(number)) if self.kind == Kind::Long => set(column, row, number),
            (Data::Long(column), Value::Time(time)) if self.kind == Kind::Time => set(column, row, time),
            (Data::Truth(column), Value::Truth(truth)) => set(column, row, truth),
            (Data::Tiny(column), Value::Tiny(number)) => set(column, row, number),
            (Data::Small(column), Value::Small(number)) => set(column, row, number),
            (Data::Number(column), Value::Number(number)) => set(column, row, number),
            (Data::Big(column), Value::Big(number)) => set(column, row, number),
            _ => false,
        };
        if let Some(word) = self.there.get_mut(row / 64).filter(|_| fits) {
            *word |= 1 << (row % 64);
            self.known = true;
        }
        fits
    }

    /// Takes the value of a row back.
    pub(crate) fn forget(&mut self, row: usize) {
        if let Some(word) = self.there.get_mut(row / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    /// Does this row have a value?
    pub(crate) fn has(&self, row: usize) -> bool {
        self.there.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}

fn set<T>(column: &mut [T], row: usize, value: T) -> bool {
    column.get_mut(row).map(|place| *place = value).is_some()
}
