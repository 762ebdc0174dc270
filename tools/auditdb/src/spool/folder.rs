//! The folder that holds the segments.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::segment::SUFFIX;

/// A segment's file, as the folder lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentFile {
    /// File name; it sorts by the time of creation.
    pub(crate) name: String,
    /// Length in bytes when it was listed.
    pub(crate) length: u64,
}

/// Has nobody the segment open to write? A writer holds a shared lock on it as long as it lives.
pub(crate) fn is_closed(path: &Path) -> io::Result<bool> {
    let file = fs::File::open(path)?;
    Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// The folder of the spool.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The spool below the record's folder.
    pub(crate) fn below(directory: &Path) -> Self {
        Self(directory.join("spool"))
    }

    /// The folder's path, for messages and for who opens a segment by name.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, with the folders above, for the owner alone.
    pub(crate) fn make(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)
    }

    /// The segments, oldest first. A folder that is not there holds none.
    pub(crate) fn segments(&self) -> io::Result<Vec<SegmentFile>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.ends_with(SUFFIX) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => found.push(SegmentFile { name, length: metadata.len() }),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        found.sort();
        Ok(found)
    }

    /// Bytes that all segments take.
    pub(crate) fn size(&self) -> io::Result<u64> {
        Ok(self.segments()?.iter().map(|segment| segment.length).sum())
    }
}
