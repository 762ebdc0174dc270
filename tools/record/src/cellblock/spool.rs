//! `cellblock.spool`, `cellblock.lost` and `cellblock.rejected`: how the record keeps what it is given.

use serde::{Deserialize, Serialize};

/// A part of the spool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spool {
    /// The segment's file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// How many lines the record is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// How many bytes of the segment the record is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The head of the segment's hash chain (SHA-256, 64 hex digits): kept elsewhere, it proves later
    /// that nothing before it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Lines that a signed checkpoint speaks of, and no anchor that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<u64>,
    /// Lines that an anchor speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchored: Option<u64>,
}

/// Lines that a source wrote and that never came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// The stream that they are missing from.
    pub source: String,
    /// How many, by the numbers that the source gives its lines; absent where nobody can count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The stream it came in on, where its source named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The line, at most its first 64 KiB; what is no UTF-8 in it is U+FFFD.
    pub line: String,
    /// The same bytes exactly, in base64 (RFC 4648 §4), where they are no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_base64: Option<String>,
    /// Length of the whole line in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole line, 64 hex digits.
    pub sha256: String,
}
