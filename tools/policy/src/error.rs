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
    /// The line at fault, counted from 1.
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
    pub(crate) fn unreadable(origin: &Path, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { origin: origin.to_owned(), cause: Cause::Unreadable { problem: problem.into(), mend: mend.into() } }
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

/// Every fault as `file:line:column: key: problem`, its line with a mark under it, and the mend.
impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.display();
        match &self.cause {
            Cause::Unreadable { problem, mend } => write!(f, "{origin}: {problem}; {mend}"),
            Cause::Faults { faults, left_out } => {
                for (index, fault) in faults.iter().enumerate() {
                    let newline = if index == 0 { "" } else { "\n" };
                    write!(f, "{newline}{origin}:{fault}")?;
                }
                if *left_out > 0 {
                    write!(f, "\n{origin}: and {left_out} more")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, key, problem, mend, excerpt, indent, width } = self;
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        let (number, indent, mark) = (line.to_string(), " ".repeat(*indent), "^".repeat(*width));
        let gutter = " ".repeat(number.len());
        writeln!(f, "{line}:{column}: {key}{problem}; {mend}")?;
        writeln!(f, " {number} | {excerpt}")?;
        write!(f, " {gutter} | {indent}{mark}")
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_shows_its_place_its_line_and_its_mend() {
        let fault = Fault {
            line: 12,
            column: 9,
            key: "cell.memroy".into(),
            problem: "unknown key \"memroy\"".into(),
            mend: "did you mean 'memory'?".into(),
            excerpt: "memroy = \"2GiB\"".into(),
            indent: 0,
            width: 6,
        };
        let error =
            PolicyError { origin: "policy.toml".into(), cause: Cause::Faults { faults: vec![fault], left_out: 3 } };
        let lines = [
            "policy.toml:12:9: cell.memroy: unknown key \"memroy\"; did you mean 'memory'?",
            " 12 | memroy = \"2GiB\"",
            "    | ^^^^^^",
            "policy.toml: and 3 more",
        ];
        assert_eq!(error.to_string(), lines.join("\n"));
    }
}
