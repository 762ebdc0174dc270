//! What auditdb does, as a table of contents.

use anyhow::Result;
use clap::Parser;
use tool::Exit;

use crate::cli::{Cli, Command};
use crate::store::Store;
use crate::{cli, export, ingest, keep, read, refs, report};

/// Reads the command line and does what it says.
///
/// # Errors
/// If it could not be done; the message says what to mend.
pub fn run() -> Result<Exit> {
    let Cli { command, policy, output, store, .. } = Cli::parse();
    match command {
        Command::Ingest(args) => ingest::ingest(&args, &Store::find(store, &policy)?, output),
        Command::Refs(args) => refs::refs(&args, store, &policy, output),
        Command::Query(args) => read::query(&args, &Store::find(store, &policy)?),
        Command::Events(args) => read::events(&args, &Store::find(store, &policy)?, output),
        Command::Export(args) => export::export(&args, &Store::find(store, &policy)?, output),
        Command::Report(args) => report::report(&args, &Store::find(store, &policy)?, output),
        Command::Verify(cli::Verify { proof: Some(file), key: Some(key) }) => keep::verify_proof(&file, &key, output),
        Command::Verify(_) => keep::verify(&Store::find(store, &policy)?, output),
        Command::Prove(args) => keep::prove(&args, &Store::find(store, &policy)?),
        Command::Key(args) => keep::key(&args, &Store::find(store, &policy)?),
        Command::Rebuild(args) => keep::rebuild(&args, &Store::find(store, &policy)?, output),
        Command::Prune(args) => keep::prune(&args, &Store::find(store, &policy)?, output),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
    }
}
