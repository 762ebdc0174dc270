//! A file to be scanned, and how soon.

use std::sync::Arc;
use std::time::Instant;

use super::Permit;
use crate::share::directory::{Below, Root};

/// How soon a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Judged already, with older signatures.
    Again,
    /// Found by a walk.
    Later,
    /// Told by the kernel.
    Urgent,
}

/// A file to be scanned.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The folder it is in.
    pub(crate) root: Arc<Root>,
    /// The file's path below `root`.
    pub(crate) below: Below,
    /// Which of the waiting files goes first.
    pub(crate) urgency: Urgency,
    /// First sight of the change.
    pub(crate) seen: Instant,
    /// How often it was begun and not ended.
    pub(crate) attempts: u32,
    /// Its writer is done with it: scan it, even if another has it open.
    pub(crate) finished: bool,
    /// That it was judged with older signatures is not enough.
    pub(crate) again: bool,
    /// Further sightings of the file that it stands for.
    pub(crate) merged: u32,
    /// Counts it among those that are scanned again at one time.
    pub(crate) permit: Option<Arc<Permit>>,
}

/// Which file, among all places.
pub(super) type Key = (u32, Below);

impl Task {
    pub(super) fn key(&self) -> Key {
        (self.root.number(), Arc::clone(&self.below))
    }

    /// Stands for another task about the same file from now on. The first sight of the two counts.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.seen = self.seen.min(other.seen);
        self.finished |= other.finished;
        self.again |= other.again;
        self.merged = self.merged.saturating_add(other.merged).saturating_add(1);
    }

    /// Notes that the file's writer is done.
    pub(crate) fn finished(self) -> Self {
        Self { finished: true, ..self }
    }

    /// A file that was seen just now.
    pub(crate) fn new(root: &Arc<Root>, below: Below, urgency: Urgency) -> Self {
        let seen = Instant::now();
        Self {
            root: Arc::clone(root),
            below,
            urgency,
            seen,
            attempts: 0,
            finished: false,
            again: false,
            merged: 0,
            permit: None,
        }
    }
}
