//! Taking content in: copied from the held descriptor into an inode that nobody else has ever had open, and hashed on
//! the way. It is synced with its facts before anything is taken from where it was.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, unlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{COUNT_AGAIN, Jail, Refusal, Sidecar, pending, weight};
use crate::share::content::read_chunks;

/// A copy in the jail that is not committed yet.
#[derive(Debug)]
pub(crate) struct Copied {
    /// The id of the entry that it becomes.
    pub(crate) id: String,
    /// The copy, open for reading and writing.
    pub(crate) file: OwnedFd,
    /// SHA-256 of what was copied, in hex.
    pub(crate) sha256: String,
    /// How many bytes were copied.
    pub(crate) size: u64,
}

impl Jail {
    /// Copies `size` bytes (fewer where the file is shorter by now). Takes nothing from its place.
    pub(crate) fn copy(&self, from: BorrowedFd<'_>, size: u64) -> Result<Copied, Refusal> {
        self.reserve(size)?;
        let id = Uuid::now_v7().to_string();
        let copied = self.fill(&id, from, size).map_err(|error| self.refused(&id, size, error))?;
        Ok(copied)
    }

    /// Writes the facts beside the copy, and syncs both: from here on the original may go. All is written
    /// before anything is synced, so that a journal has one commit to make and not three.
    pub(crate) fn commit(&self, copied: &Copied, sidecar: &Sidecar) -> Result<(), Refusal> {
        let bytes = serde_json::to_vec_pretty(sidecar).map_err(|error| Refusal::Failed(error.into()))?;
        let written = self
            .create(&pending(&copied.id))
            .and_then(|facts| write_at_end(&facts, &bytes).map(|()| facts))
            .and_then(|facts| fsync(&copied.file).and_then(|()| fsync(&facts)))
            .and_then(|()| fsync(&self.folder));
        written.map_err(|error| {
            let _ = unlinkat(&self.folder, pending(&copied.id), AtFlags::empty());
            self.refused(&copied.id, copied.size, error)
        })
    }

    /// Throws an uncommitted copy away.
    pub(crate) fn discard(&self, copied: &Copied) {
        let _ = unlinkat(&self.folder, copied.id.as_str(), AtFlags::empty());
        self.release(copied.size);
    }

    fn fill(&self, id: &str, from: BorrowedFd<'_>, size: u64) -> Result<Copied, Errno> {
        let file = self.create(id)?;
        let mut hash = Sha256::new();
        let size = read_chunks(from, size, |bytes| {
            hash.update(bytes);
            write_at_end(&file, bytes)
        })?;
        Ok(Copied { id: id.to_owned(), file, sha256: hex::encode(hash.finalize()), size })
    }

    pub(super) fn create(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.folder, name, flags, Mode::RUSR)
    }

    fn reserve(&self, size: u64) -> Result<(), Refusal> {
        let mut used = self.used();
        let wanted = entry_weight(size);
        if used.bytes.saturating_add(wanted) > self.limit
            && used.counted.is_none_or(|then| then.elapsed() >= COUNT_AGAIN)
        {
            // Somebody may have purged meanwhile.
            used.bytes = self.count().unwrap_or(used.bytes);
            used.counted = Some(Instant::now());
        }
        let after = used.bytes.saturating_add(wanted);
        if after > self.limit {
            return Err(Refusal::Full(self.limit));
        }
        used.bytes = after;
        Ok(())
    }

    fn release(&self, size: u64) {
        let mut used = self.used();
        used.bytes = used.bytes.saturating_sub(entry_weight(size));
    }

    fn refused(&self, id: &str, size: u64, error: Errno) -> Refusal {
        let _ = unlinkat(&self.folder, id, AtFlags::empty());
        self.release(size);
        match error {
            Errno::NOSPC | Errno::DQUOT => Refusal::Full(self.limit),
            error => error.into(),
        }
    }
}

/// What an entry takes on the disk: its content and its sidecar, in whole blocks.
fn entry_weight(size: u64) -> u64 {
    weight(size).saturating_add(weight(1))
}

fn write_at_end(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = rustix::io::write(file, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}
