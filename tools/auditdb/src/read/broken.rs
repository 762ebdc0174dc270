//! A database that cannot be read is put aside, and made again: the spool is the truth, and nobody need be asked for
//! that.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Error, Result, bail};
use jiff::Timestamp;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};

use crate::database::{self, Lock};
use crate::note::note;
use crate::store::Store;

/// How long a reader waits for whoever has the database.
const WAIT: Duration = Duration::from_secs(10);

/// Puts the old database and its log beside the new one's place, under a name of this second. Says which.
///
/// # Errors
/// If it cannot be renamed.
pub(crate) fn put_aside(store: &Store) -> Result<PathBuf> {
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    database::put_aside(&store.database(), &format!("before-{stamp}"))
}

/// Makes room for a new database where the old one is broken, and says so: on stderr, and in the record.
///
/// # Errors
/// If somebody else has it for too long, or it cannot be renamed.
pub(super) fn make_room(store: &Store, why: &Error) -> Result<()> {
    let Some(_lock) = Lock::exclusive(&store.lock(), WAIT)? else {
        bail!("{why:#}; another process has had it for {} s", WAIT.as_secs());
    };
    let kept = put_aside(store)?;
    let said = database::what_broke(why).unwrap_or_else(|| format!("{why:#}"));
    let reason =
        format!("the old one cannot be read ({said}): it may have held more; it is kept as {}", kept.display());
    eprintln!("auditdb: the database is made again from the spool: {}", record::escape(&reason));
    let message = "The database was put aside, and is made again from the spool.";
    let record = Record::new(Provider::Auditdb, Action::DatabaseRebuilt, message)
        .about(Category::Database, Type::Creation)
        .outcome(Outcome::Unknown)
        .severity(Severity::High)
        .reason(reason);
    // An answer is worth more than a note of what was done for it, which stderr has too.
    if let Err(error) = note(store, &record) {
        eprintln!("auditdb: {}", record::escape(&format!("{error:#}")));
    }
    Ok(())
}

/// Is it the database that is at fault, and nobody's slip?
pub(super) fn is_to_be_made_again(store: &Store, error: &Error) -> bool {
    store.spool().path().is_dir() && database::is_broken(error)
}
