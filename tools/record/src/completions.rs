//! Completions for shells, made from a tool's own command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Exit;
use crate::writer::explain;

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
    let mut out = io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(explain)?;
    Ok(Exit::Success)
}
