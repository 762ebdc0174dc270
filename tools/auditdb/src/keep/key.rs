//! `auditdb key show` and `auditdb key rotate`: the public half of the key, to be kept elsewhere.

use std::io::Write;

use anyhow::{Result, bail};
use tool::{Exit, unprinted};

use crate::cli;
use crate::store::Store;

/// `auditdb key show` and `auditdb key rotate`
pub(crate) fn key(args: &cli::Key, store: &Store) -> Result<Exit> {
    let notary = store.notary();
    let Some(mut public) = notary.public()? else {
        bail!(
            "{}: no checkpoint was signed yet, so there is no key; `auditdb ingest` makes it",
            notary.log().display()
        );
    };
    if args.what == "rotate" {
        public = notary.rotate()?;
    }
    writeln!(std::io::stdout(), "ed25519 {public}").map_err(unprinted)?;
    Ok(Exit::Success)
}
