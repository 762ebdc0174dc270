//! `auditdb rebuild`: makes the database again from the spool.

use std::time::Duration;

use anyhow::{Result, bail};
use record::{Outcome, Provider};
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::Rebuild;
use crate::database::Lock;
use crate::keep::old::Old;
use crate::keep::rebuild::{Made, make};
use crate::keep::verify::segment_record;
use crate::store::Store;

/// How long readers are waited for.
const WAIT: Duration = Duration::from_secs(30);

/// Makes the database again from the spool.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Rebuild, store: &Store, output: OutputArgs) -> Result<Exit> {
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
            out.check(&segment_record(&name, found))?;
        }
        eprintln!(
            "auditdb: the database or a checkpoint remembers more than the spool holds, so nothing is changed; `auditdb verify` tells what is missing, --force makes a new database and keeps the old one beside it"
        );
        return out.finish();
    }
    let segments = store.spool().segments()?.len();
    let Made { lines, state, record } = make(store, &old, !beyond.is_empty())?;
    match record.event.outcome {
        Some(_) => out.check(&record)?,
        None => out.write(&record)?,
    }
    state.warn();
    state.damaged.iter().for_each(|_| out.count(Outcome::Failure));
    (state.damaged.len()..segments).for_each(|_| out.count(Outcome::Success));
    if lines == 0 {
        eprintln!("auditdb: the spool holds no line, so the new database says nothing");
    }
    out.finish()
}
