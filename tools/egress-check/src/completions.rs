//! Completions for shells, made from the command line itself.

use std::io::Write;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::Cli;

/// Prints them.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn print(shell: clap_complete::Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "egress-check", &mut text);
    std::io::stdout().write_all(&text).context("standard output could not be written")
}
