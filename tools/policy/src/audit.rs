//! `[audit]`: where the record is kept, how long, and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use crate::section::Section;
use crate::{Bytes, duration, folder};

/// The record's place and bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Folder of spool and database, absolute.
    pub directory: PathBuf,
    /// How long records are kept, a day to a hundred years.
    pub retain: Duration,
    /// The most the spool may hold, at least 1 MiB; when full, writers wait and say so.
    pub spool: Bytes,
}

const DAY: Duration = Duration::from_secs(86_400);
const LEAST_SPOOL: Bytes = Bytes(1 << 20);

pub(crate) fn read(section: &Section<'_>) -> Option<Audit> {
    let directory = match section.has("directory") {
        true => section.required("directory", folder::read),
        false => folder::default(section, "directory", "audit"),
    };
    let retain = section.or("retain", 90 * DAY, |value| duration::read(value, &(DAY..=36_500 * DAY)));
    let spool = section.or("spool", Bytes(2 << 30), |value| Bytes::at_least(value, LEAST_SPOOL));
    Some(Audit { directory: directory?, retain: retain?, spool: spool? })
}
