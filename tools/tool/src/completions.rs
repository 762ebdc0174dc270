//! Completions for shells, made from a tool's own command line.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Exit, print};

/// Prints the script that `shell` reads.
///
/// # Errors
/// [`OutputClosed`](crate::OutputClosed) for a reader that went away; or if standard output cannot be written.
pub fn completions<C: CommandFactory>(shell: Shell) -> anyhow::Result<Exit> {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    // Into memory first: generate() panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)?;
    Ok(Exit::Success)
}
