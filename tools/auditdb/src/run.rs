//! What auditdb does, as a table of contents.

use anyhow::Result;
use clap::Parser;
use tool::Exit;

use crate::cli::{Cli, Command, Verify};
use crate::commands::{events, export, ingest, key, prove, prune, query, rebuild, refs, report, verify};
use crate::store::Store;

/// Reads the command line and does what it says.
///
/// # Errors
/// If it could not be done; the message says what to mend.
pub fn run() -> Result<Exit> {
    let Cli { command, policy, output, store, .. } = Cli::parse();
    match command {
        Command::Ingest(args) => ingest::run(args, &Store::find(store, &policy)?, output),
        Command::Refs(args) => refs::run(&args, store, &policy, output),
        Command::Query(args) => query::run(&args, &Store::find(store, &policy)?),
        Command::Events(args) => events::run(&args, &Store::find(store, &policy)?, output),
        Command::Export(args) => export::run(&args, &Store::find(store, &policy)?, output),
        Command::Report(args) => report::run(&args, &Store::find(store, &policy)?, output),
        Command::Verify(Verify { proof: Some(file), key: Some(key) }) => verify::proof(&file, &key, output),
        Command::Verify(_) => verify::run(&Store::find(store, &policy)?, output),
        Command::Prove(args) => prove::run(&args, &Store::find(store, &policy)?),
        Command::Key(args) => key::run(&args, &Store::find(store, &policy)?),
        Command::Rebuild(args) => rebuild::run(&args, &Store::find(store, &policy)?, output),
        Command::Prune(args) => prune::run(&args, &Store::find(store, &policy)?, output),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
    }
}
