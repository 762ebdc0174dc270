//! What has been scanned, and in which state: so that a rescan costs nothing for what has not changed.

use std::collections::HashMap;

use crate::share::file_state::{Identity, Stamp};

#[derive(Debug, Clone, Copy)]
struct Entry {
    size: u64,
    mtime: i64,
    ctime: i64,
    /// Which version of the signatures judged it.
    epoch: u32,
    /// The last walk that saw it.
    walk: u32,
}

impl Entry {
    fn is(&self, stamp: &Stamp) -> bool {
        (self.size, self.mtime, self.ctime) == (stamp.size, stamp.mtime, stamp.ctime)
    }
}

/// The memory of the warden: 56 bytes a file.
#[derive(Debug, Default)]
pub(crate) struct ScanCache {
    files: HashMap<Identity, Entry>,
    walk: u32,
    epoch: u32,
}

impl ScanCache {
    /// Is the file in a state that was judged, be it with older signatures? Notes that it is still there.
    pub(crate) fn holds(&mut self, stamp: &Stamp) -> bool {
        let walk = self.walk;
        self.files.get_mut(&stamp.identity).is_some_and(|entry| {
            entry.walk = walk;
            entry.is(stamp)
        })
    }

    /// Is it in a state that was judged with the signatures of now?
    pub(crate) fn is_current(&self, stamp: &Stamp) -> bool {
        self.files.get(&stamp.identity).is_some_and(|entry| entry.epoch == self.epoch && entry.is(stamp))
    }

    /// Notes that this state was judged, with the signatures of `epoch`.
    pub(crate) fn learn(&mut self, stamp: &Stamp, epoch: u32) {
        let Stamp { identity, size, mtime, ctime } = *stamp;
        self.files.insert(identity, Entry { size, mtime, ctime, epoch, walk: self.walk });
    }

    /// Forgets a file: its next sight is its first.
    pub(crate) fn forget(&mut self, identity: Identity) {
        self.files.remove(&identity);
    }

    /// A walk of everything begins.
    pub(crate) fn begin_walk(&mut self) {
        self.walk = self.walk.wrapping_add(1);
    }

    /// The walk saw everything: what it did not see is no more.
    pub(crate) fn end_walk(&mut self) {
        let walk = self.walk;
        self.files.retain(|_, entry| entry.walk == walk);
        if self.files.capacity() > 4 * self.files.len().max(1024) {
            self.files.shrink_to_fit();
        }
    }

    /// The signatures are others now: nothing is current any more.
    pub(crate) fn new_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Which version of the signatures this is, counted from the start.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(inode: u64, ctime: i64) -> Stamp {
        Stamp { identity: (1, inode), size: 5, mtime: 7, ctime }
    }

    #[test]
    fn only_the_very_state_that_was_judged_is_known() {
        let mut known = ScanCache::default();
        assert!(!known.holds(&stamp(1, 10)));
        known.learn(&stamp(1, 10), 0);
        assert!(known.holds(&stamp(1, 10)));
        assert!(!known.holds(&stamp(1, 11)), "another ctime is another state");
        assert!(!known.holds(&Stamp { size: 6, ..stamp(1, 10) }));
        assert!(!known.holds(&stamp(2, 10)), "another inode is another file");
        known.forget((1, 1));
        assert!(!known.holds(&stamp(1, 10)));
    }

    #[test]
    fn with_new_signatures_nothing_is_current_and_a_late_verdict_of_the_old_ones_does_not_count() {
        let mut known = ScanCache::default();
        known.learn(&stamp(1, 10), 0);
        assert!(known.is_current(&stamp(1, 10)) && !known.is_current(&stamp(1, 11)));
        known.new_epoch();
        assert!(known.holds(&stamp(1, 10)) && !known.is_current(&stamp(1, 10)));
        known.learn(&stamp(1, 10), 0);
        assert!(!known.is_current(&stamp(1, 10)));
        known.learn(&stamp(1, 10), known.epoch());
        assert!(known.is_current(&stamp(1, 10)));
    }

    #[test]
    fn what_a_whole_walk_does_not_see_is_forgotten() {
        let mut known = ScanCache::default();
        known.learn(&stamp(1, 10), 0);
        known.learn(&stamp(2, 10), 0);
        known.begin_walk();
        assert!(known.holds(&stamp(1, 10)));
        known.learn(&stamp(3, 10), 0);
        known.end_walk();
        assert!(known.holds(&stamp(1, 10)) && known.holds(&stamp(3, 10)));
        assert!(!known.holds(&stamp(2, 10)));
    }
}
