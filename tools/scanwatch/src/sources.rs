//! Where changes come from: inotify, or fanotify.

mod fanotify;
pub(crate) mod inotify;
pub(crate) mod newest;
mod path_index;
pub(crate) mod walk;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use clap::ValueEnum;
use rustix::io::Errno;

use crate::share::directory::{Below, Root};
use crate::sources::fanotify::Marked;
use crate::sources::inotify::{Change, Watches};

/// Which kernel interface tells of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceKind {
    /// A watch for each folder.
    Inotify,
    /// One mark for the whole file system; takes `CAP_SYS_ADMIN`.
    Fanotify,
}

/// What was opened for the share, one of the two.
#[derive(Debug)]
pub(crate) enum Source {
    /// inotify: a watch for each folder.
    Inotify(Watches),
    /// A marked file system.
    Fanotify(Marked),
}

impl Source {
    /// Opens one for the share.
    pub(crate) fn open(kind: SourceKind, root: &Root) -> anyhow::Result<Self> {
        Ok(match kind {
            SourceKind::Inotify => Self::Inotify(Watches::new()?),
            SourceKind::Fanotify => Self::Fanotify(Marked::new(root)?),
        })
    }

    /// Tells of what happens in the folder from now on, under this path. `false` when there is no room.
    pub(crate) fn add(&self, folder: &OwnedFd, below: &Below) -> Result<bool, Errno> {
        match self {
            Self::Inotify(watches) => watches.add(folder, below),
            Self::Fanotify(marked) => marked.add(folder, below),
        }
    }

    /// Was there no room for some folder? Then walking is all that is left for it.
    pub(crate) fn is_exhausted(&self) -> bool {
        match self {
            Self::Inotify(watches) => watches.folders.is_exhausted(),
            Self::Fanotify(marked) => marked.folders.is_exhausted(),
        }
    }

    /// Folders that it tells of.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Inotify(watches) => watches.folders.count(),
            Self::Fanotify(marked) => marked.folders.count(),
        }
    }

    /// Gives every change that is there to `sink`, without waiting for more.
    pub(crate) fn drain(&self, sink: &mut impl FnMut(Change)) -> Result<(), Errno> {
        match self {
            Self::Inotify(watches) => watches.drain(sink),
            Self::Fanotify(marked) => marked.drain(sink),
        }
    }
}

impl AsFd for Source {
    /// Readable when there are changes to drain.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Inotify(watches) => watches.as_fd(),
            Self::Fanotify(marked) => marked.as_fd(),
        }
    }
}
