//! The spool: the truth that the database is made from.
//!
//! Each writer has a segment of its own, so that none ever waits for another. A segment is JSON lines
//! that `jq` and `grep` read as they are:
//!
//! ```text
//! {"segment":{"format":1,"created":"…","pid":42,"previous":null}}
//! {"batch":{"received":"…","provider":"scanwatch","lines":2,"bytes":812},"sha256":"…"}
//! <line, byte for byte as it came>
//! <line, byte for byte as it came>
//! {"batch":…
//! ```
//!
//! A batch says how many bytes follow, so nothing inside a line can pass for a batch. Its `sha256` is the next link of
//! the segment's chain ([`crate::chain`]): over the link before, its own head, and the lines. What is written in the
//! middle of a crash is therefore known for a torn tail. What is changed later is known too. A batch is acknowledged
//! only after fdatasync(2).

pub(crate) mod batch;
mod folder;
mod inherited;
mod reader;
mod segment;
mod writer;

pub(crate) use batch::Batch;
pub(crate) use folder::{Folder, SegmentFile, is_closed};
pub(crate) use inherited::sign;
pub(crate) use reader::{Read, Reader, previous};
pub(crate) use segment::{begun, is_named};
pub(crate) use writer::{Room, Writer};

#[cfg(test)]
mod tests;
