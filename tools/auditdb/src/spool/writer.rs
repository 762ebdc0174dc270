//! Writes batches, within the bound the policy sets: when the spool is full a writer waits.

use std::io::{self, ErrorKind};

use rustix::fs::Access;

use super::batch::Batch;
use super::folder::Folder;
use super::segment::Segment;

/// A segment this long is closed and another begun, so that old lines can be pruned by the file.
const SEGMENT: u64 = 64 << 20;
/// After how many bytes of its own a writer looks again at what the others wrote.
const LOOK: u64 = 8 << 20;

/// Is there room for a batch?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It was appended.
    Written,
    /// The spool holds as much as it may: bytes there are, bytes allowed.
    Full(u64, u64),
    /// The disk is full.
    NoSpace,
}

/// One writer: its segment, and what it may use. The segment is made with the first batch, so that a
/// stream that brings nothing leaves nothing.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: Folder,
    bound: u64,
    segment: Option<Segment>,
    seen: u64,
    since: u64,
}

impl Writer {
    /// Makes the folder where it is not there. `bound` is the most bytes that all segments together may take.
    ///
    /// # Errors
    /// If the folder cannot be made or written to: before the first line is taken from anybody.
    pub(crate) fn begin(folder: Folder, bound: u64) -> io::Result<Self> {
        folder.make()?;
        rustix::fs::access(folder.path(), Access::WRITE_OK | Access::EXEC_OK)?;
        let seen = folder.size()?;
        Ok(Self { folder, bound, segment: None, seen, since: 0 })
    }

    /// The name of the segment that was written last, and the head of its chain.
    pub(crate) fn head(&self) -> Option<(&str, String)> {
        self.segment.as_ref().map(|segment| (segment.name.as_str(), segment.link.to_string()))
    }

    /// Appends a batch if there is room. It counts only after [`Writer::sync`].
    pub(crate) fn append(&mut self, batch: &Batch) -> io::Result<Room> {
        let size = batch.body.len() as u64;
        if self.since >= LOOK || self.seen + self.since + size > self.bound {
            self.seen = self.folder.size()?;
            self.since = 0;
        }
        if self.seen + self.since + size > self.bound {
            return Ok(Room::Full(self.seen + self.since, self.bound));
        }
        match self.put(batch) {
            Ok(()) => {
                self.since += size;
                Ok(Room::Written)
            }
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Ok(Room::NoSpace)
            }
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, batch: &Batch) -> io::Result<()> {
        let segment = match self.segment.take() {
            Some(segment) if segment.length < SEGMENT => segment,
            Some(full) => {
                full.sync()?;
                let next = Segment::create(self.folder.path(), Some(&full));
                // Without a next one the full one stays, so that the chain is not cut when it is tried again.
                next.inspect_err(|_| self.segment = Some(full))?
            }
            None => Segment::create(self.folder.path(), None)?,
        };
        self.segment.insert(segment).append(batch)
    }

    /// Waits until all that was appended is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.segment.as_ref().map_or(Ok(()), Segment::sync)
    }
}
