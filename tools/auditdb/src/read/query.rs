//! `auditdb query`: one statement of the user's, on a connection that can only read this database.

use std::io::{self, BufWriter, Read, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use duckdb::{Connection, Statement};
use record::Exit;
use serde_json::{Map, Value};

use super::events::explain;
use super::json::value;
use super::open::open;
use crate::cli;
use crate::place::Place;

/// The longest statement that is read from standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// `auditdb query`
pub(crate) fn query(args: &cli::Query, place: &Place) -> Result<Exit> {
    let sql = statement(&args.sql)?;
    let reading = open(place, &args.memory)?;
    reading.state.warn();
    let limit = Duration::from_secs(args.timeout);
    bounded(&reading.connection, limit, || rows(&reading.connection, &sql))?;
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

fn rows(connection: &Connection, sql: &str) -> Result<()> {
    let mut statement = connection.prepare(sql).map_err(refused)?;
    let mut rows = statement.query([]).map_err(refused)?;
    let names = rows.as_ref().map(names).unwrap_or_default();
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(row) = rows.next().map_err(refused)? {
        let mut object = Map::new();
        for (at, name) in names.iter().enumerate() {
            object.insert(name.clone(), value(row.get_ref(at)?.to_owned()));
        }
        serde_json::to_writer(&mut out, &Value::Object(object)).map_err(|error| explain(error.into()))?;
        out.write_all(b"\n").map_err(explain)?;
    }
    out.flush().map_err(explain)
}

/// The columns' names; a second one of the same name gets a number, since a name stands only once in an object.
fn names(statement: &Statement<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in statement.column_names() {
        let free = (2..).map(|n| format!("{name}_{n}")).find(|free| !names.contains(free)).unwrap_or_default();
        names.push(if names.contains(&name) { free } else { name });
    }
    names
}

fn refused(error: duckdb::Error) -> anyhow::Error {
    anyhow::anyhow!("the database refused the statement: {}", error.to_string().trim())
}
