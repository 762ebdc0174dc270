//! What each subcommand does.

use clap::Parser;
use tool::Exit;

use crate::cli::{Cli, Command};
use crate::commands::{hash, jail, scan, self_test, watch};

/// Runs the tool with the arguments of the process.
///
/// # Errors
/// Usage, policy or environment, in words for people: exit status 2.
pub fn run() -> anyhow::Result<Exit> {
    let Cli { command, policy, output, .. } = Cli::parse();
    match command {
        Command::Watch(args) => watch::watch(&args, &policy.load()?, output),
        Command::Scan(args) => scan::scan(&args, &policy.load()?, output),
        Command::Hash(args) => hash::hash(&args, &policy.load()?, output),
        Command::Jail(command) => jail::run(&command, &policy.load()?, output),
        Command::SelfTest(args) => self_test::self_test(&args, &policy.load()?, output),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
    }
}
