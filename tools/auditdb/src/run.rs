//! What auditdb does, as a table of contents.

use anyhow::Result;
use clap::Parser;
use tool::Exit;

use crate::cli::{Cli, Command};
use crate::place::Place;
use crate::{cli, export, ingest, keep, read, refs, report};

/// Reads the command line and does what it says.
///
/// # Errors
/// If it could not be done; the message says what to mend.
pub fn run() -> Result<Exit> {
    let Cli { command, policy, output, place, .. } = Cli::parse();
    match command {
        Command::Ingest(args) => ingest::ingest(&args, &Place::find(place, &policy)?, output),
        Command::Refs(args) => refs::refs(&args, place, &policy, output),
        Command::Query(args) => read::query(&args, &Place::find(place, &policy)?),
        Command::Events(args) => read::events(&args, &Place::find(place, &policy)?, output),
        Command::Export(args) => export::export(&args, &Place::find(place, &policy)?, output),
        Command::Report(args) => report::report(&args, &Place::find(place, &policy)?, output),
        Command::Verify(cli::Verify { proof: Some(file), key: Some(key) }) => keep::verify_proof(&file, &key, output),
        Command::Verify(_) => keep::verify(&Place::find(place, &policy)?, output),
        Command::Prove(args) => keep::prove(&args, &Place::find(place, &policy)?),
        Command::Key(args) => keep::key(&args, &Place::find(place, &policy)?),
        Command::Rebuild(args) => keep::rebuild(&args, &Place::find(place, &policy)?, output),
        Command::Prune(args) => keep::prune(&args, &Place::find(place, &policy)?, output),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
    }
}
