//! What each subcommand does.

use std::io::Write as _;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use record::Exit;

use crate::cli::{Cli, Command};

/// Runs the tool with the arguments of the process.
///
/// # Errors
/// Usage, policy or environment, in words for people: exit status 2.
pub fn run() -> anyhow::Result<Exit> {
    let Cli { command, policy, output, .. } = Cli::parse();
    match command {
        Command::Watch(args) => crate::watch::watch(&args, &policy.load()?, output),
        Command::Scan(args) => crate::scan::scan(&args, &policy.load()?, output),
        Command::Jail(command) => crate::custody::run(&command, &policy.load()?, output),
        Command::SelfTest(args) => crate::self_test::self_test(&args, &policy.load()?, output),
        Command::Completions { shell } => {
            // Into memory first: generate() falls over a closed pipe.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "scanwatch", &mut script);
            std::io::stdout().write_all(&script).context("standard output could not be written")?;
            Ok(Exit::Success)
        }
    }
}
