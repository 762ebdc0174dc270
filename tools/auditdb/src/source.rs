//! Who a line comes from: the name of a stream, fixed where the stream is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use record::{GATE, Provider};

const LONGEST: usize = 64;

/// A file, and whose lines it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Who is named; `None` where only the lines say.
    pub(crate) source: Option<Source>,
    /// The file; `-` is standard input.
    pub(crate) file: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, file) = text.split_once('=').ok_or("it is NAME=FILE, such as netguard=answer.jsonl")?;
        Ok(Self { source: Some(name.parse()?), file: PathBuf::from(file) })
    }
}

/// The name of a source: lower-case letters, digits and hyphens, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source(String);

impl Source {
    /// auditdb itself: what it has to say about other lines.
    pub(crate) fn own() -> Self {
        Self(Provider::Auditdb.name().to_owned())
    }

    /// The name as it stands in a batch's header.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it the name of one of Cellblock's tools?
    pub(crate) fn is_tool(name: &str) -> bool {
        Provider::ALL.iter().any(|tool| tool.name() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fits = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= LONGEST {
            return Ok(Self(name.to_owned()));
        }
        Err(format!("a provider is lower-case letters, digits and hyphens, at most {LONGEST}, such as {GATE}"))
    }
}
