//! `auditdb rebuild`: the database, made again from the spool beside the old one, and put in its place.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use record::cellblock::Spool;
use record::{Action, Category, Exit, Outcome, OutputArgs, Provider, Record, Type, Writer};

use crate::database::{self, Lock};
use crate::fold;
use crate::place::Place;
use crate::read::State;

/// How long readers are waited for.
const WAIT: Duration = Duration::from_secs(30);

/// `auditdb rebuild`
pub(crate) fn rebuild(place: &Place, output: OutputArgs) -> Result<Exit> {
    let directory = place.directory().display();
    if !place.spool().path().is_dir() {
        bail!("{directory}: no spool here to make a database from; --directory names another folder");
    }
    let Some(_lock) = Lock::exclusive(&place.lock(), WAIT)? else {
        bail!("{directory}: another process has had the database for {} s; try again", WAIT.as_secs());
    };
    let fresh = place.directory().join("record.duckdb.new");
    clear(&fresh)?;
    let connection = database::open_to_write(&fresh)?;
    let folded = fold::fold(&connection, &place.spool())?;
    let state = State { behind: false, damaged: fold::damaged(&connection)? };
    connection.close().map_err(|(_, error)| error)?;
    // The old log first: beside the new database it would be played into it.
    remove(&log_of(&place.database()))?;
    fs::rename(&fresh, place.database()).with_context(|| format!("{}: cannot be put in place", fresh.display()))?;
    fs::File::open(place.directory())?.sync_all()?;
    state.warn();
    let message = format!("The database was made again from {} lines of the spool.", folded.lines);
    let mut record =
        Record::new(Provider::Auditdb, Action::DatabaseRebuilt, message).about(Category::Database, Type::Creation);
    record.own().spool = Some(Spool { lines: Some(folded.lines), ..Spool::default() });
    let mut out = Writer::stdout(Provider::Auditdb, output, false);
    out.tell(&record)?;
    state.damaged.iter().for_each(|_| out.count(Outcome::Failure));
    out.finish()
}

/// What a rebuild that was ended in the middle left.
fn clear(fresh: &Path) -> Result<()> {
    remove(fresh)?;
    remove(&log_of(fresh))
}

fn log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".wal");
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
