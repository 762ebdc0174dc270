//! Why a single value was refused. Every `FromStr` of this crate shares the type: a flag of a tool and a key of the
//! policy get the same words.

use std::fmt;

/// A value that was refused, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, escaped for a terminal.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

impl Invalid {
    pub(crate) fn new(problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { problem: problem.into(), mend: mend.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.mend)
    }
}

impl std::error::Error for Invalid {}

/// The most of a foreign string that a message repeats.
const SHOWN: usize = 80;

/// A foreign string in double quotes, control characters escaped, cut after 80 characters.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{:?}…", text.get(..cut).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_string_is_escaped_and_cut() {
        assert_eq!(quoted("a\u{1b}[31m\u{202e}\n"), r#""a\u{1b}[31m\u{202e}\n""#);
        assert_eq!(quoted(&"é".repeat(200)), format!("\"{}\"…", "é".repeat(80)));
    }
}
