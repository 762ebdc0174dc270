//! `auditdb query`: one statement of the user's, on a connection that can only read this database.

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use duckdb::arrow::datatypes::DataType;
use duckdb::{Connection, Statement};
use serde_json::Value;
use tool::Exit;

use super::json::{is_known, value};
use super::open::open;
use super::sheet::{Csv, JsonLines, Sheet, Table, Target};
use super::statement::only_one;
use super::{parquet, schema};
use crate::cli::{self, Rows};
use crate::store::Store;
use crate::whole;

/// The longest statement that is read from standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// `auditdb query`
pub(crate) fn query(args: &cli::Query, store: &Store) -> Result<Exit> {
    let shape = shape(args)?;
    let sql = schema::statement(&statement(&args.sql)?)?;
    only_one(&sql)?;
    let reading = open(store, &args.memory)?;
    reading.state.warn();
    let (connection, limit) = (&reading.connection, Duration::from_secs(args.timeout));
    bounded(connection, limit, || match (&args.to, shape) {
        (Some(file), Rows::Parquet) => {
            whole::write_opened(file, |draft| parquet::fill(connection, &sql, &args.memory, draft))
        }
        (Some(file), shape) => whole::write(file, |out| rows(connection, &sql, sheet(shape, out, false).as_mut())),
        (None, Rows::Parquet) => {
            let file = parquet::nameless(store.directory())?;
            parquet::fill(connection, &sql, &args.memory, &file)?;
            parquet::pass(file)
        }
        (None, shape) => {
            let out = BufWriter::new(io::stdout().lock());
            rows(connection, &sql, sheet(shape, out, io::stdout().is_terminal()).as_mut())
        }
    })?;
    Ok(if reading.state.reservations().is_empty() { Exit::Success } else { Exit::Unknown })
}

fn statement(given: &str) -> Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut sql = String::new();
    io::stdin().take(LONGEST + 1).read_to_string(&mut sql).context("standard input cannot be read as SQL")?;
    if sql.len() as u64 > LONGEST {
        bail!("standard input: longer than {LONGEST} bytes, and so no statement");
    }
    Ok(sql)
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

/// How the rows come: a table where a person looks, lines where a program does, unless said.
fn shape(args: &cli::Query) -> Result<Rows> {
    let terminal = args.to.is_none() && io::stdout().is_terminal();
    let shape = args.output.unwrap_or(if terminal { Rows::Table } else { Rows::Jsonl });
    ensure!(
        !(terminal && shape == Rows::Parquet),
        "--output parquet: is nothing to look at; --to FILE writes it, or redirect standard output"
    );
    Ok(shape)
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
pub(crate) fn rows(connection: &Connection, sql: &str, sheet: &mut dyn Sheet) -> Result<()> {
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
