//! `auditdb prove`: prints a proof that a line is in the record, for who does not have it.

use std::io::Write;

use anyhow::{Context, Result, bail};
use tool::{Exit, unprinted};

use crate::checkpoint::Book;
use crate::cli::Prove;
use crate::keep::prove;
use crate::store::Store;

/// Writes a proof that one record is in the log.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Prove, store: &Store) -> Result<Exit> {
    let found = prove::find(store, &args.id)?;
    if found.is_empty() {
        bail!("{}: no line of the record has the id {:?}", store.directory().display(), args.id);
    }
    let log = store.notary().log();
    let book = Book::read(&log).with_context(|| format!("{}: cannot be read", log.display()))?;
    let mut exit = Exit::Success;
    for line in found {
        let Some(proof) = line.proof(&book)? else {
            eprintln!(
                "auditdb: segment {} has no signed root: its writer is at it, or was killed; ask again when that has ended",
                line.segment
            );
            exit = Exit::Unknown;
            continue;
        };
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&proof)?).map_err(unprinted)?;
    }
    Ok(exit)
}
