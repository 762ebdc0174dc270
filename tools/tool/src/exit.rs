//! The exit status: what a run came to.

use std::process::ExitCode;

use record::cellblock::Counts;

/// The exit status, the same for every tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all as the policy says.
    Success,
    /// 1: there are findings, so something is not as the policy says.
    Findings,
    /// 2: usage, bad input or environment.
    Usage,
    /// 3: nothing failed, but something could not be evaluated.
    Unknown,
}

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
