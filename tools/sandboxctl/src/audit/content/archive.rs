//! Goes through a tar archive, and bounds what stands between two files: a long name and a file's attributes are taken
//! into memory whole, however long they say they are.

use std::cell::Cell;
use std::io::{Error, Read, Result, copy, sink};

use tar::{Archive, Entry, EntryType};

/// The most that stands between two files, in bytes. Linux has names up to 4 KiB, and attributes of 64 KiB.
const BETWEEN: u64 = 1 << 20;

/// Shows each file of it.
///
/// # Errors
/// If it is no such archive, breaks off, or has more between two files than is read; and what `see` says.
pub(super) fn each<R: Read>(from: R, mut see: impl FnMut(&mut Entry<'_, Gauge<'_, R>>) -> Result<()>) -> Result<()> {
    let left = Cell::new(BETWEEN);
    let mut archive = Archive::new(Gauge { from, left: &left });
    let mut entries = archive.entries()?;
    loop {
        left.set(BETWEEN);
        let Some(entry) = entries.next() else { return Ok(()) };
        let mut entry = entry?;
        // Its holes are read as zeros without end; no engine writes one.
        if entry.header().entry_type() == EntryType::GNUSparse {
            return Err(Error::other("it has a file with holes"));
        }
        left.set(u64::MAX);
        see(&mut entry)?;
        copy(&mut entry, &mut sink())?;
    }
}

/// Reads as much as is left.
pub(super) struct Gauge<'a, R> {
    from: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Gauge<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.left.get() == 0 {
            return Err(Error::other("a name in it is too long"));
        }
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(into.len());
        let read = self.from.read(into.get_mut(..most).unwrap_or_default())?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}
