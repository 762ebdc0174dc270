//! What each subcommand does: a table of contents.

use anyhow::Result;
use clap::Parser;
use tool::Exit;

use crate::cli::{Cli, Command};
use crate::commands::{pin, plan, run};

/// The whole tool.
///
/// # Errors
/// Bad usage, bad input, or an environment that lacks something; the text says how to mend it.
pub fn run() -> Result<Exit> {
    let cli = Cli::parse();
    match &cli.command {
        Command::Plan(args) => plan::run(&cli.policy, args, cli.output),
        Command::Run(args) => run::run(&cli.policy, args, cli.output),
        Command::Pin(args) => pin::run(&cli.policy, args, cli.output),
        Command::Completions { shell } => tool::completions::<Cli>(*shell),
    }
}
