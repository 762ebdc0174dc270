//! `auditdb key show` and `auditdb key rotate`: the public half of the key, to be kept elsewhere, and of those before
//! it.

use std::io::Write;

use anyhow::{Context, Result, bail};
use tool::{Exit, unprinted};

use crate::checkpoint::Book;
use crate::cli::Key;
use crate::spool;
use crate::store::Store;

/// Shows the public keys, or begins a new pair.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Key, store: &Store) -> Result<Exit> {
    let notary = store.notary();
    let Some(mut public) = notary.public()? else {
        bail!(
            "{}: no checkpoint was signed yet, so there is no key; `auditdb ingest` makes it",
            notary.log().display()
        );
    };
    if args.what == "rotate" {
        public = notary.rotate(|abouts| spool::sign(&store.spool(), &notary, abouts))?;
        writeln!(std::io::stdout(), "ed25519 {public}").map_err(unprinted)?;
        return Ok(Exit::Success);
    }
    let log = notary.log();
    let book = Book::read(&log).with_context(|| format!("{}: cannot be read", log.display()))?;
    // What an earlier key has signed is proved with that key.
    let before = book.keys().into_iter().rev().filter(|(key, ..)| *key != public).filter_map(|(key, from, until)| {
        let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
        Some(format!("ed25519 {key}{from} until {}\n", until?))
    });
    let shown = format!("ed25519 {public}\n{}", before.collect::<String>());
    std::io::stdout().write_all(shown.as_bytes()).map_err(unprinted)?;
    Ok(Exit::Success)
}
