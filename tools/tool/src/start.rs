//! Where a tool begins and how it ends, and which version it is.

use std::process::ExitCode;
use std::sync::OnceLock;

use record::escape;

use crate::exit::Exit;
use crate::pipe::OutputClosed;

/// What every tool's `main` returns: runs it, prints its error on stderr, and turns the result into
/// an exit status. A reader that went away is no error: the run says itself what it had come to.
///
/// `version` is [`version!`](crate::version!)'s, said where the program is made: so a new commit compiles the programs
/// again and not all that they stand on.
pub fn main(tool: &str, version: &'static str, run: impl FnOnce() -> anyhow::Result<Exit>) -> ExitCode {
    let _ = VERSION.set(version);
    match run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            if let Some(OutputClosed(exit)) = error.chain().find_map(|cause| cause.downcast_ref()) {
                return (*exit).into();
            }
            // Line breaks are ours (a policy error shows the line); everything else is escaped.
            let text = format!("{error:#}");
            let shown: Vec<String> = text.split('\n').map(escape).collect();
            eprintln!("{tool}: {}", shown.join("\n"));
            Exit::Usage.into()
        }
    }
}

/// The version that [`main`] was given.
static VERSION: OnceLock<&str> = OnceLock::new();

/// The version with its commit, `0.1.0 (1a2b3c4)`, as the scripts give it in `CELLBLOCK_VERSION` when they build. Where
/// nobody said which commit it is, it is the bare version.
#[macro_export]
macro_rules! version {
    () => {
        match option_env!("CELLBLOCK_VERSION") {
            Some(version) => version,
            None => env!("CARGO_PKG_VERSION"),
        }
    };
}

/// The version that the program was given; this crate's own in a test.
#[must_use]
pub fn version() -> &'static str {
    VERSION.get().copied().unwrap_or(env!("CARGO_PKG_VERSION"))
}
