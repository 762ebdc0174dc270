//! What is wrong with a policy: which file, line, column and key, and how to mend it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why there is no policy. Its `Display` is meant for a terminal, as it is.
#[derive(Debug)]
pub struct PolicyError {
    pub(crate) origin: PathBuf,
    pub(crate) cause: Cause,
}

#[derive(Debug)]
pub(crate) enum Cause {
    /// It could not be read at all: what happened, and how to mend it.
    Unreadable { problem: String, mend: String },
    /// It was read and says something it must not.
    Faults { faults: Vec<Fault>, left_out: usize },
}

/// One thing wrong with the text of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key it is about, dotted, such as `cell.share.size` or `egress[2].host`; empty for a syntax error.
    pub key: String,
    /// What is wrong, escaped for a terminal.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
    pub(crate) excerpt: String,
    pub(crate) indent: usize,
    pub(crate) width: usize,
}

impl PolicyError {
    pub(crate) fn unreadable(
        origin: &Path,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            origin: origin.to_owned(),
            cause: Cause::Unreadable {
                problem: problem.into(),
                mend: mend.into(),
            },
        }
    }

    /// The file, or the first place looked at.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// What is wrong with the text, in the order of the text; empty if it could not be read.
    pub fn faults(&self) -> &[Fault] {
        match &self.cause {
            Cause::Unreadable { .. } => &[],
            Cause::Faults { faults, .. } => faults,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin.display())
    }
}

impl std::error::Error for PolicyError {}
