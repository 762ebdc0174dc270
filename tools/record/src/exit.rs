//! How a tool ends.

use std::process::ExitCode;
use std::sync::OnceLock;

use crate::cellblock::Counts;
use crate::text::escape;

/// The exit status, the same for every tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all as the policy says.
    Success,
    /// 1: findings.
    Findings,
    /// 2: usage, bad input or environment.
    Usage,
    /// 3: nothing failed, but something could not be evaluated.
    Unknown,
}

/// The reader of our output went away: no error, the run ends quietly with the status that is in here.
#[derive(Debug)]
pub struct OutputClosed(pub Exit);

impl std::fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for OutputClosed {}

impl From<Counts> for Exit {
    fn from(counts: Counts) -> Self {
        match (counts.failed, counts.unknown) {
            (0, 0) => Self::Success,
            (0, _) => Self::Unknown,
            _ => Self::Findings,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0u8,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
        })
    }
}

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

/// What [`main`] was told.
static VERSION: OnceLock<&str> = OnceLock::new();

/// The version with its commit, `0.1.0 (1a2b3c4)`, as the scripts give it in `CELLBLOCK_VERSION` when they build; the bare
/// version where nobody said which commit it is.
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
