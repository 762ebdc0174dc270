//! The way to a database that holds what the spool holds.
//!
//! Where another process is at it for too long, what is there is read and the reader is told so. An answer that may
//! lack the last lines is no full answer, and no silence either.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use duckdb::Connection;

use super::broken::{is_to_be_made_again, make_room};
use crate::database::{self, Lock};
use crate::fold;
use crate::rows::{self, Chains};
use crate::store::Store;
use crate::trust;

/// How long a folder waits for whoever reads.
const TO_FOLD: Duration = Duration::from_secs(10);
/// How long a reader waits for whoever folds: a million lines take some seconds.
const TO_READ: Duration = Duration::from_secs(60);

/// What a reader must know: whether the database has all lines, and whether they are right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Lines that are not in the database yet, because somebody else has it.
    pub(crate) behind: bool,
    /// Segments that cannot be trusted to their end: name and reason.
    pub(crate) damaged: Vec<(String, String)>,
    /// A row that is not what was written, or that none was held against its line: why.
    pub(crate) doubt: Option<String>,
}

impl State {
    /// What a reader must know about the answer, one sentence each.
    pub(crate) fn reservations(&self) -> Vec<String> {
        let behind =
            self.behind.then(|| "another process has the database: the newest lines may be missing".to_owned());
        let damaged = self.damaged.iter().map(|(name, why)| {
            format!(
                "segment {name} of the spool is damaged, what follows in it is missing: {why}; see `auditdb verify`"
            )
        });
        let doubt = self.doubt.iter().map(|why| {
            format!("the database is not what was written: {why}; see `auditdb verify`, and `auditdb rebuild` mends it")
        });
        behind.into_iter().chain(damaged).chain(doubt).collect()
    }

    /// Warns on standard error, a line for each reservation.
    pub(crate) fn warn(&self) {
        for reservation in self.reservations() {
            eprintln!("auditdb: {}", record::escape(&reservation));
        }
    }
}

/// A database that is open to read, and locked against writers.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Read-only and locked down, as `database::open_to_read` leaves it.
    pub(crate) connection: Connection,
    /// What a reader must know about its answers.
    pub(crate) state: State,
    _lock: Lock,
}

/// Folds what is new, and opens the database with so much memory.
///
/// # Errors
/// If there is no record, or nobody lets go of the database.
pub(crate) fn open(store: &Store, memory: &str) -> Result<Reading> {
    let directory = store.directory().display();
    if !store.directory().is_dir() {
        bail!("{directory}: no record here; `auditdb ingest` begins one, --directory names another");
    }
    let there = match read(store, memory, Duration::ZERO) {
        Err(error) if is_to_be_made_again(store, &error) => make_room(store, &error).map(|()| None)?,
        there => there?,
    };
    if let Some(reading) = there
        && !fold::is_behind(&reading.connection, &store.spool())?
    {
        return Ok(reading);
    }
    let folded = fold_now(store)?;
    let Some(mut reading) = read(store, memory, TO_READ)? else {
        bail!("{directory}: another process has had the database for {} s; try again", TO_READ.as_secs());
    };
    reading.state.behind = !folded && fold::is_behind(&reading.connection, &store.spool())?;
    Ok(reading)
}

/// Opens what is there; `None` if there is nothing yet, or somebody writes it.
fn read(store: &Store, memory: &str, wait: Duration) -> Result<Option<Reading>> {
    let Some(lock) = Lock::shared(&store.lock(), wait).with_context(|| locking(store))? else { return Ok(None) };
    if !store.database().exists() {
        return Ok(None);
    }
    let connection = database::open_to_read(&store.database(), memory)?;
    let doubt = doubt(store, &connection)?;
    let state = State { behind: false, damaged: fold::damaged(&connection)?, doubt };
    Ok(Some(Reading { connection, state, _lock: lock }))
}

/// Why the rows cannot be believed. They are held against their lines where the file is not as we left it.
fn doubt(store: &Store, connection: &Connection) -> Result<Option<String>> {
    if trust::is_kept(store) {
        return Ok(None);
    }
    let stamp = trust::stamp(store);
    let wrong = rows::check(connection, store, &fold::seen(connection)?, Chains::Computed)?;
    if wrong.is_nothing() {
        trust::keep(store, stamp);
    }
    Ok(wrong.first())
}

/// Folds, if nobody else has the database for too long.
fn fold_now(store: &Store) -> Result<bool> {
    let Some(_lock) = Lock::exclusive(&store.lock(), TO_FOLD).with_context(|| locking(store))? else {
        return Ok(false);
    };
    let kept = trust::is_kept(store);
    let connection = database::open_to_write(&store.database())?;
    fold::fold(&connection, &store.spool())?;
    connection.close().map_err(|(_, error)| error)?;
    if kept {
        trust::keep(store, trust::stamp(store));
    }
    Ok(true)
}

fn locking(store: &Store) -> String {
    format!("{}: cannot be locked", store.lock().display())
}
