//! What was done about a file that was found, and what of it is still to be emptied: facts, for the records.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// What was done at the place where the file was.
#[derive(Debug, Default)]
pub(crate) struct Removal {
    /// The name is gone.
    pub(crate) removed: bool,
    /// The inode is empty.
    pub(crate) emptied: bool,
    /// Names that the inode still has.
    pub(crate) other_links: u64,
    /// A tombstone stands at the name.
    pub(crate) tombstone: bool,
    /// The steps that failed, and why.
    pub(crate) trouble: Vec<String>,
}

impl Removal {
    /// Is what was found out of everybody's reach?
    pub(crate) fn is_done(&self) -> bool {
        self.emptied || (self.removed && self.other_links == 0)
    }
}

/// What was taken away, and is not empty yet.
#[derive(Debug)]
pub(crate) struct Remains {
    /// The inode, until somebody sees to it.
    pub(crate) file: Option<OwnedFd>,
    /// Where the file was.
    pub(crate) path: PathBuf,
    /// The id of its entry in the jail, or of its record.
    pub(crate) id: String,
}
