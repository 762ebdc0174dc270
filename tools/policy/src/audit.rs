//! `[audit]`: where the record is kept, how long, and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use crate::Bytes;

/// The record's place and bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Folder of spool and database, absolute.
    pub directory: PathBuf,
    /// How long records are kept, at least a day.
    pub retain: Duration,
    /// The most the spool may hold, at least 1 MiB; when full, writers wait and say so.
    pub spool: Bytes,
}
