//! `auditdb events`: the records themselves, as they came, oldest first.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use duckdb::{Connection, params_from_iter};
use record::{Exit, Outcome, OutputArgs, Provider, Purpose, Writer};

use super::filter::Filter;
use super::open::{State, open};
use super::show;
use crate::cli;
use crate::place::Place;
use crate::signals::Stop;

/// The most memory that the sorting may use.
const MEMORY: &str = "2GiB";
/// How often a follower looks for new lines.
const LOOK: Duration = Duration::from_millis(250);

/// `auditdb events`
pub(crate) fn events(args: &cli::Events, place: &Place, output: OutputArgs) -> Result<Exit> {
    let stop = Stop::listen()?;
    let filter = Filter::of(args);
    let reading = open(place, MEMORY)?;
    let mut state = reading.state.clone();
    state.warn();
    let mut last = newest(&reading.connection)?;
    print(&reading.connection, &filter, args.limit, output)?;
    drop(reading);
    let mut seen = Vec::new();
    while args.follow && !stop.asked() {
        thread::sleep(LOOK);
        let there = place.spool().segments()?;
        if there == seen && !state.behind {
            continue;
        }
        seen = there;
        let reading = open(place, MEMORY)?;
        if reading.state != state {
            reading.state.warn();
            state = reading.state.clone();
        }
        let now = newest(&reading.connection)?;
        if now > last {
            print(&reading.connection, &filter.behind(last), None, output)?;
            last = now;
        }
    }
    finish(&state, output)
}

fn newest(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("SELECT coalesce(max(seq), -1) FROM records", [], |row| row.get(0))?)
}

fn print(connection: &Connection, filter: &Filter, limit: Option<u32>, output: OutputArgs) -> Result<()> {
    let mut statement = connection.prepare(&filter.select(limit))?;
    let mut rows = statement.query(params_from_iter(filter.parameters()))?;
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(row) = rows.next()? {
        let raw = row.get_ref(0)?.as_str().context("a line in the database is no text")?;
        let source: Option<String> = row.get(1)?;
        let shown = match (output.is_text(), io::stdout().is_terminal()) {
            (true, _) => show::text(raw, source.as_deref(), output.is_coloured()),
            (false, true) => record::harmless(&show::json(raw, source.as_deref())).into_owned(),
            (false, false) => show::json(raw, source.as_deref()).into_owned(),
        };
        writeln!(out, "{shown}").map_err(explain)?;
    }
    out.flush().map_err(explain)
}

/// What could not be read makes the answer unknown.
fn finish(state: &State, output: OutputArgs) -> Result<Exit> {
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    state.reservations().iter().for_each(|_| out.count(Outcome::Unknown));
    out.finish()
}

/// A reader that went away has read what it wanted.
pub(crate) fn explain(error: io::Error) -> anyhow::Error {
    record::unwritten(error, Exit::Success)
}
