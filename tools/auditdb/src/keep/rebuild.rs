//! The database, made again from the spool beside the old one, and put in its place.
//!
//! The spool is the truth, as long as it is whole. What an old database, a checkpoint or an anchor remembers beyond it
//! was taken away: then nothing is made anew unless somebody says so, and the old database is kept.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use record::cellblock::Spool;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};

use super::old::Old;
use crate::database::{self, log_of};
use crate::fold;
use crate::note::note;
use crate::plural::many;
use crate::read::{State, put_aside};
use crate::store::Store;
use crate::trust;

/// What a new database holds.
#[derive(Debug)]
pub(crate) struct Made {
    /// The lines that went into it.
    pub(crate) lines: u64,
    /// What a reader of it must know.
    pub(crate) state: State,
    /// What there is to tell of it.
    pub(crate) record: Record,
}

/// Makes the new database, and puts it in the place of the old one.
///
/// # Errors
/// If the spool cannot be read, or the database not be written or put in place.
pub(crate) fn make(store: &Store, old: &Old, forced: bool) -> Result<Made> {
    let fresh = store.directory().join("record.duckdb.new");
    remove(&fresh)?;
    remove(&log_of(&fresh))?;
    let connection = database::open_to_write(&fresh)?;
    let folded = fold::fold(&connection, &store.spool())?;
    let state = State { damaged: fold::damaged(&connection)?, ..State::default() };
    connection.close().map_err(|(_, error)| error)?;
    let puts_aside = store.database().exists() && (forced || matches!(old, Old::Unreadable(_)));
    let kept = puts_aside.then(|| put_aside(store)).transpose()?;
    // The old log first: beside the new database it would be played into it.
    remove(&log_of(&store.database()))?;
    fs::rename(&fresh, store.database()).with_context(|| format!("{}: cannot be put in place", fresh.display()))?;
    fs::File::open(store.directory())?.sync_all()?;
    trust::keep(store, trust::stamp(store));
    let record = rebuilt(folded.lines, old, forced, kept.as_deref());
    note(store, &record)?;
    Ok(Made { lines: folded.lines, state, record })
}

fn rebuilt(lines: u64, old: &Old, forced: bool, kept: Option<&Path>) -> Record {
    let message = format!("The database was made again from {} of the spool.", many(lines, "line", "lines"));
    let mut record =
        Record::new(Provider::Auditdb, Action::DatabaseRebuilt, message).about(Category::Database, Type::Creation);
    record.own().spool = Some(Spool { lines: Some(lines), ..Spool::default() });
    let (outcome, mut why) = match old {
        Old::Unreadable(why) => {
            (Outcome::Unknown, format!("the old one cannot be read ({why}): it may have held more"))
        }
        _ if forced => (Outcome::Failure, "more is remembered than the spool holds".to_owned()),
        _ => return record,
    };
    if let Some(kept) = kept {
        why.push_str(&format!("; the old one is kept as {}", kept.display()));
    }
    record.outcome(outcome).severity(Severity::High).reason(why)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
