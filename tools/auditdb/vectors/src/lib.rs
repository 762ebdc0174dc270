//! Rows on their way into a table of DuckDB's.
//!
//! DuckDB's appender takes a copy of each value. When it has many, it copies them again into the table. Here a table
//! function of our own hands over the rows where they lie. `INSERT INTO … FROM` it reads them straight into the table.
//! So each value is copied once on our side, into memory that is used again for the next rows.

mod chunk;
mod column;
mod lines;
mod table;

pub use column::{Kind, Value};
pub use table::Table;
