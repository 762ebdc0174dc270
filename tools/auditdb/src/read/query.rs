//! One statement of the user's, on a connection that can only read this database.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use duckdb::arrow::datatypes::DataType;
use duckdb::{Connection, Statement};
use serde_json::Value;

use super::json::{is_known, value};
use super::open::{State, open};
use super::sheet::{Csv, JsonLines, Rows, Sheet, Table, Target};
use super::statement::only_one;
use super::{parquet, schema};
use crate::store::Store;
use crate::whole;

/// A statement, and where its rows go.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    /// SQL, or a word of ours with a dot.
    pub(crate) statement: &'a str,
    /// How rows are printed.
    pub(crate) rows: Rows,
    /// The file that gets them; `None` is standard output.
    pub(crate) to: Option<&'a Path>,
    /// The most memory that it may use, as DuckDB writes it.
    pub(crate) memory: &'a str,
    /// The longest that it may take.
    pub(crate) limit: Duration,
}

/// Answers it, and says what the reader must know of the answer.
///
/// # Errors
/// If it is not one statement, the database refuses it, or its rows cannot be written.
pub(crate) fn query(asked: &Query<'_>, store: &Store) -> Result<State> {
    let sql = schema::statement(asked.statement)?;
    only_one(&sql)?;
    let reading = open(store, asked.memory)?;
    reading.state.warn();
    let connection = &reading.connection;
    bounded(connection, asked.limit, || match (asked.to, asked.rows) {
        (Some(file), Rows::Parquet) => {
            whole::write_opened(file, |draft| parquet::fill(connection, &sql, asked.memory, draft))
        }
        (Some(file), shape) => whole::write(file, |out| rows(connection, &sql, sheet(shape, out, false).as_mut())),
        (None, Rows::Parquet) => {
            let file = parquet::nameless(store.directory())?;
            parquet::fill(connection, &sql, asked.memory, &file)?;
            parquet::pass(file)
        }
        (None, shape) => {
            let out = BufWriter::new(io::stdout().lock());
            rows(connection, &sql, sheet(shape, out, io::stdout().is_terminal()).as_mut())
        }
    })?;
    Ok(reading.state.clone())
}

/// Interrupts the work when it takes longer.
fn bounded(connection: &Connection, limit: Duration, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let handle = connection.interrupt_handle();
    let (done, waiting) = channel::<()>();
    let watch = thread::spawn(move || {
        let late = waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            handle.interrupt();
        }
        late
    });
    let result = work();
    drop(done);
    match (watch.join(), result) {
        (Ok(true), Err(_)) => bail!("the statement took longer than {} s; --timeout gives it more", limit.as_secs()),
        (_, result) => result,
    }
}

/// What the rows go into.
fn sheet<'o>(shape: Rows, out: impl Write + 'o, terminal: bool) -> Box<dyn Sheet + 'o> {
    match shape {
        Rows::Table => Box::new(Table::new(out)),
        Rows::Csv => Box::new(Csv::new(Target { out, terminal })),
        Rows::Jsonl | Rows::Parquet => Box::new(JsonLines::new(out)),
    }
}

/// Hands all rows of the answer on.
fn rows(connection: &Connection, sql: &str, sheet: &mut dyn Sheet) -> Result<()> {
    let mut statement = connection.prepare(sql).map_err(|error| refused(&error))?;
    let mut rows = statement.query([]).map_err(|error| refused(&error))?;
    let columns = rows.as_ref().map(columns).transpose()?.unwrap_or_default();
    sheet.head(&columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>())?;
    while let Some(row) = rows.next().map_err(|error| refused(&error))? {
        let values = columns
            .iter()
            .enumerate()
            .map(|(at, column)| Ok(if column.is_null { Value::Null } else { value(row.get_ref(at)?.to_owned()) }));
        sheet.row(&values.collect::<Result<Vec<_>>>()?)?;
    }
    sheet.end()
}

/// A column of the answer.
struct Column {
    name: String,
    /// Nothing but NULL, of no type at all.
    is_null: bool,
}

/// The columns; a second one of the same name gets a number, since a name stands only once in an object.
fn columns(statement: &Statement<'_>) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for (at, name) in statement.column_names().into_iter().enumerate() {
        let kind = statement.column_type(at);
        if kind != DataType::Null && !is_known(&kind) {
            bail!("column {name} has a type that JSON has no form for; cast it: {name}::VARCHAR");
        }
        let name = free(&name, |name| columns.iter().any(|column| column.name == name));
        columns.push(Column { name, is_null: kind == DataType::Null });
    }
    Ok(columns)
}

/// A name that is not taken: the name itself, or with the first number that is free.
pub(super) fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    (2..).map(|n| format!("{name}_{n}")).find(|free| !taken(free)).unwrap_or_default()
}

pub(super) fn refused(error: &duckdb::Error) -> anyhow::Error {
    anyhow::anyhow!("the database refused the statement: {}", error.to_string().trim())
}
