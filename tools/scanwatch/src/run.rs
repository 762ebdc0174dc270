//! What each subcommand does.

use clap::{CommandFactory, Parser};
use record::Exit;

use crate::cli::{Cli, Command};

/// Runs the tool.
pub(crate) fn run() -> anyhow::Result<Exit> {
    let Cli { command, policy, output } = Cli::parse();
    match command {
        Command::Watch(args) => crate::watch::watch(&args, &policy.load()?, output),
        Command::Scan(args) => crate::scan::scan(&args, &policy.load()?, output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "scanwatch", &mut std::io::stdout());
            Ok(Exit::Success)
        }
    }
}
