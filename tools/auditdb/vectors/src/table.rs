//! A table that is being filled.

use std::fmt::{self, Debug};

use duckdb::{Connection, Error, Result, Statement};

use crate::chunk::Chunk;
use crate::column::{Kind, Value};
use crate::lines::{self, Slot};

/// A table that rows are put into. They are there, in the transaction that is open, after [`Table::flush`].
pub struct Table<'c> {
    connection: &'c Connection,
    name: String,
    slot: Slot,
    /// `None` only while its rows are handed over.
    chunk: Option<Chunk>,
    /// With the number of columns that it was made for.
    insert: Option<(usize, Statement<'c>)>,
}

impl<'c> Table<'c> {
    /// The table of this name and with these columns, in their order. Both are part of a statement: no user's words.
    ///
    /// # Errors
    /// If DuckDB takes no function of ours.
    pub fn of(connection: &'c Connection, name: &str, columns: &[(&str, Kind)]) -> Result<Self> {
        let slot = lines::register(connection)?;
        let chunk = Some(Chunk::of(columns));
        Ok(Self { connection, name: name.to_owned(), slot, chunk, insert: None })
    }

    /// Adds a row, its values in the order of the columns.
    ///
    /// # Errors
    /// If a column cannot hold its value, or DuckDB refuses the rows that it gets with this one.
    pub fn push<'a>(&mut self, values: impl Iterator<Item = Value<'a>>) -> Result<()> {
        let chunk = self.chunk.as_mut().filter(|chunk| !chunk.is_full()).ok_or(Error::AppendError)?;
        if !chunk.push(values) {
            return Err(Error::ToSqlConversionFailure("a value that its column cannot hold".into()));
        }
        if chunk.is_full() { self.flush() } else { Ok(()) }
    }

    /// Hands over the rows that are still here.
    ///
    /// # Errors
    /// If DuckDB refuses them. They are gone then: the transaction is to be given up.
    pub fn flush(&mut self) -> Result<()> {
        let Some(chunk) = self.chunk.take_if(|chunk| chunk.rows() > 0) else { return Ok(()) };
        let names: Vec<&str> = chunk.known().map(|column| column.name.as_str()).collect();
        let (width, names) = (names.len(), names.join(", "));
        self.slot.fill(chunk);
        let done = self.insert(width, &names);
        self.chunk = self.slot.empty().map(|mut chunk| {
            chunk.clear();
            chunk
        });
        done
    }

    fn insert(&mut self, width: usize, names: &str) -> Result<()> {
        // When a row fills a column that none has filled yet, another statement takes over.
        if self.insert.as_ref().is_none_or(|(columns, _)| *columns != width) {
            let insert = format!("INSERT INTO {} ({names}) FROM {}()", self.name, lines::NAME);
            self.insert = Some((width, self.connection.prepare(&insert)?));
        }
        let Some((_, statement)) = &mut self.insert else { return Err(Error::AppendError) };
        statement.execute([]).map(|_| ())
    }
}

impl Debug for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
