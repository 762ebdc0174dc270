//! A batch: lines that came in together from one source, and the line that introduces them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::Link;
use crate::source::Source;

/// The most bytes of lines in one batch that is read back. Writers stay far below ([`super::writer`]).
pub(crate) const MOST: u64 = 16 << 20;

/// The end of a batch's head: `,"sha256":"` + 64 digits + `"}` + line break.
const TAIL_START: &str = ",\"sha256\":\"";
const TAIL_END: &str = "\"}\n";
const TAIL: usize = TAIL_START.len() + 64 + TAIL_END.len();

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    received: Timestamp,
    provider: Option<String>,
    lines: u64,
    bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    batch: Wire,
    sha256: String,
}

/// Lines from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// When they came in, to the microsecond.
    pub(crate) received: Timestamp,
    /// Who they are from; `None` where only the lines say.
    pub(crate) source: Option<Source>,
    /// How many lines the body holds.
    pub(crate) lines: u64,
    /// The lines, each with its break.
    pub(crate) body: Vec<u8>,
}

impl Batch {
    /// An empty batch of now.
    pub(crate) fn new(source: Option<Source>) -> Self {
        Self { received: Timestamp::now(), source, lines: 0, body: Vec::new() }
    }

    /// Adds a line, without its break.
    pub(crate) fn push(&mut self, line: &[u8]) {
        self.body.extend_from_slice(line);
        self.body.push(b'\n');
        self.lines += 1;
    }

    /// The head as it is written, and the link it carries.
    pub(crate) fn head(&self, before: &Link) -> serde_json::Result<(String, Link)> {
        let wire = Wire {
            received: self.received,
            provider: self.source.as_ref().map(ToString::to_string),
            lines: self.lines,
            bytes: self.body.len() as u64,
        };
        let mut head = format!("{{\"batch\":{}", serde_json::to_string(&wire)?);
        let link = before.next(head.as_bytes(), &self.body);
        head.push_str(&format!("{TAIL_START}{link}{TAIL_END}"));
        Ok((head, link))
    }
}

/// What a head says of the batch behind it.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) received: Timestamp,
    pub(crate) source: Option<Source>,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) link: Link,
}

/// Reads a head, its line break included.
///
/// # Errors
/// Why it is none.
pub(crate) fn announced(head: &[u8]) -> Result<Announced, String> {
    let read: Head = serde_json::from_slice(head).map_err(|error| format!("no head of a batch: {error}"))?;
    let source = read.batch.provider.map(|name| name.parse()).transpose()?;
    let link = read.sha256.parse().map_err(|()| "the hash of a batch is not 64 hex digits".to_owned())?;
    if !head.ends_with(format!("{TAIL_START}{}{TAIL_END}", read.sha256).as_bytes()) {
        return Err("the head of a batch does not end with its hash".into());
    }
    if read.batch.bytes > MOST {
        return Err(format!("a batch of {} bytes is longer than {MOST}", read.batch.bytes));
    }
    Ok(Announced { received: read.batch.received, source, lines: read.batch.lines, bytes: read.batch.bytes, link })
}

/// The part of a head that its link covers.
pub(crate) fn covered(head: &[u8]) -> &[u8] {
    head.get(..head.len().saturating_sub(TAIL)).unwrap_or_default()
}
