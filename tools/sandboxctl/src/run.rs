//! The table of contents: which command is done where.

use clap::Parser;
use tool::Exit;

use crate::cli::{Cli, Command};
use crate::commands::{audit, cert, controls, events, freeze, render, secret, status, thaw};

/// Runs the tool with the arguments of the process.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub fn run() -> anyhow::Result<Exit> {
    let Cli { policy, output, command, .. } = Cli::parse();
    engine::raise_descriptors();
    match command {
        Command::Render(what) => render::run(&what, &policy.load()?),
        Command::Audit(args) => audit::run(args, &policy, output),
        Command::Controls => controls::run(output),
        Command::Cert(what) => cert::run(&what, &policy, output),
        Command::Status { follow: false } => status::run(&policy, output),
        Command::Status { follow: true } => status::follow(&policy.load()?, output),
        Command::Events => events::run(&policy.load()?, output),
        Command::Freeze(trigger) => freeze::run(&trigger, &policy, output),
        Command::Thaw => thaw::run(&policy, output),
        Command::Secret(what) => secret::run(&what, &policy, output),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
    }
}
