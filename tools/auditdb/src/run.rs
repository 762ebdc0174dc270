//! What auditdb does, as a table of contents.

use anyhow::Result;
use clap::Parser;
use record::Exit;

use crate::cli::{Cli, Command};
use crate::place::Place;
use crate::{ingest, keep, read, refs};

/// Reads the command line and does what it says.
pub(crate) fn run() -> Result<Exit> {
    let Cli { command, policy, output, directory, .. } = Cli::parse();
    match command {
        Command::Ingest(args) => ingest::ingest(&args, &Place::find(directory, &policy)?, output),
        Command::Refs(args) => refs::refs(&args, directory, &policy, output),
        Command::Query(args) => read::query(&args, &Place::find(directory, &policy)?),
        Command::Events(args) => read::events(&args, &Place::find(directory, &policy)?, output),
        Command::Verify => keep::verify(&Place::find(directory, &policy)?, output),
        Command::Rebuild(args) => keep::rebuild(&args, &Place::find(directory, &policy)?, output),
        Command::Prune(args) => keep::prune(&args, &Place::find(directory, &policy)?, output),
        Command::Completions { shell } => record::completions::<Cli>(shell),
    }
}
