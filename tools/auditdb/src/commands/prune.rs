//! `auditdb prune`: removes what is older than the policy keeps it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::checkpoint::Book;
use crate::cli::Prune;
use crate::database::{self, Lock};
use crate::fold;
use crate::keep::expired::{self, Cut};
use crate::keep::prune::{let_go, planned};
use crate::store::Store;
use crate::trust;

/// How long readers are waited for.
const WAIT: Duration = Duration::from_secs(30);

/// Removes what the policy no longer retains.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Prune, store: &Store, output: OutputArgs) -> Result<Exit> {
    let cut = Cut::of(&store.retain, args.older_than)?;
    let directory = store.directory().display();
    if !store.directory().is_dir() {
        bail!("{directory}: no record here; --directory names another");
    }
    let Some(_lock) = Lock::exclusive(&store.lock(), WAIT)? else {
        bail!("{directory}: another process has had the database for {} s; try again", WAIT.as_secs());
    };
    let kept = trust::is_kept(store);
    let connection = database::open_to_write(&store.database())?;
    fold::fold(&connection, &store.spool())?;
    let log = store.notary().log();
    let begun = Book::read(&log).with_context(|| format!("{}: cannot be read", log.display()))?.unfinished();
    let old = expired::old(&connection, store, &cut, &begun)?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    if args.dry_run {
        out.write(&planned(&old))?;
        return out.finish();
    }
    out.write(&let_go(store, connection, &old, &cut, kept)?)?;
    out.finish()
}
