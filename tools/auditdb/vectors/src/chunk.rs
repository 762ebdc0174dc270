//! As many rows as are handed over at once.

use crate::column::{Column, Kind, ROWS, Value, WORDS};

/// How many bytes of text are collected at most before rows are handed over: some lines are 1 MiB long.
const BYTES: usize = 8 << 20;

/// Rows that are being collected. Emptied, it keeps its memory for the next ones.
#[derive(Debug)]
pub(crate) struct Chunk {
    columns: Vec<Column>,
    /// All texts, one behind the other.
    texts: Vec<u8>,
    rows: usize,
}

impl Chunk {
    pub(crate) fn of(columns: &[(&str, Kind)]) -> Self {
        let columns = columns.iter().map(|(name, kind)| Column::of(name, *kind)).collect();
        Self { columns, texts: Vec::new(), rows: 0 }
    }

    /// Adds a row, its values in the order of the columns; `false` if one fits its column not, or there is no room.
    pub(crate) fn push<'a>(&mut self, values: impl Iterator<Item = Value<'a>>) -> bool {
        let Self { columns, texts, rows } = self;
        let row = *rows;
        let fits = row < ROWS && columns.iter_mut().zip(values).all(|(column, value)| column.put(row, value, texts));
        if fits {
            *rows += 1;
        } else {
            columns.iter_mut().for_each(|column| column.forget(row));
        }
        fits
    }

    /// Is it time to hand them over?
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.texts.len() >= BYTES
    }

    /// How many rows it holds.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes of a text.
    pub(crate) fn text(&self, place: &std::ops::Range<usize>) -> &[u8] {
        self.texts.get(place.clone()).unwrap_or_default()
    }

    /// The columns that any row has filled so far: never fewer than the last time. The others are NULL for all, which
    /// DuckDB says for itself in less time than it reads.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.known)
    }

    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(|column| column.there = [0; WORDS]);
        self.texts.clear();
        self.rows = 0;
    }
}
