//! `auditdb rebuild`: the database, made again from the spool beside the old one, and put in its place.
//!
//! The spool is the truth, as long as it is whole. What an old database, a checkpoint or an anchor remembers beyond it
//! was taken away: then nothing is made anew unless somebody says so, and the old database is kept.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use record::cellblock::Spool;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};
use tool::{Exit, OutputArgs, Purpose, Writer};

use super::old::Old;
use super::verify;
use crate::cli;
use crate::database::{self, Lock, log_of};
use crate::fold;
use crate::note::note;
use crate::plural::many;
use crate::read::{State, put_aside};
use crate::store::Store;
use crate::trust;

/// How long readers are waited for.
const WAIT: Duration = Duration::from_secs(30);

/// `auditdb rebuild`
pub(crate) fn rebuild(args: &cli::Rebuild, store: &Store, output: OutputArgs) -> Result<Exit> {
    let directory = store.directory().display();
    if !store.spool().path().is_dir() {
        bail!("{directory}: no spool here to make a database from; --directory names another folder");
    }
    let Some(_lock) = Lock::exclusive(&store.lock(), WAIT)? else {
        bail!("{directory}: another process has had the database for {} s; try again", WAIT.as_secs());
    };
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    let old = Old::look(store);
    let beyond = old.beyond(store)?;
    if !beyond.is_empty() && !args.force {
        for (name, found) in beyond {
            out.check(&verify::segment_record(&name, found))?;
        }
        eprintln!(
            "auditdb: the database or a checkpoint remembers more than the spool holds, so nothing is changed; `auditdb verify` tells what is missing, --force makes a new database and keeps the old one beside it"
        );
        return out.finish();
    }
    let segments = store.spool().segments()?.len();
    let (lines, state) = make(store, &old, !beyond.is_empty(), &mut out)?;
    state.warn();
    state.damaged.iter().for_each(|_| out.count(Outcome::Failure));
    (state.damaged.len()..segments).for_each(|_| out.count(Outcome::Success));
    if lines == 0 {
        eprintln!("auditdb: the spool holds no line, so the new database says nothing");
    }
    out.finish()
}

/// Makes the new database, and puts it in the place of the old one.
fn make(store: &Store, old: &Old, forced: bool, out: &mut Writer) -> Result<(u64, State)> {
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
    let record = told(folded.lines, old, forced, kept.as_deref());
    note(store, &record)?;
    match record.event.outcome {
        Some(_) => out.check(&record)?,
        None => out.write(&record)?,
    }
    Ok((folded.lines, state))
}

fn told(lines: u64, old: &Old, forced: bool, kept: Option<&Path>) -> Record {
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
