//! The regular files that a walk met: of more than have room, those that changed last.

use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::share::directory::Below;
use crate::share::file_state::{Stamp, kind, size};
use crate::sources::newest::Newest;
use crate::sources::walk::Visitor;

/// The most that all paths together may take, in bytes: one can be 64 KiB long.
const MEMORY: usize = 64 << 20;

/// The most unreadable folders that get a record each.
const UNREAD: usize = 64;

/// What of the share is not in the inventory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// Files without room: all changed earlier than those that are there.
    pub(super) files: usize,
    /// How many unreadable folders get no record of their own.
    pub(super) unread: usize,
    /// The time was over before all folders were walked.
    pub(super) late: bool,
}

/// What was met so far.
#[derive(Debug)]
pub(super) struct Inventory {
    /// By the last change after the kernel's clock, in nanoseconds since 1970, and whether a file has no holes. Of the
    /// same moment, one that has goes first.
    files: Newest<(i64, bool)>,
    /// What could not be read, and why.
    pub(super) unread: Vec<(Below, Errno)>,
    missing: Missing,
    until: Instant,
}

impl Inventory {
    /// Of at most so many files, met until then.
    pub(super) fn new(most: usize, until: Instant) -> Self {
        Self { files: Newest::new(most, MEMORY), unread: Vec::new(), missing: Missing::default(), until }
    }

    /// What is not in it.
    pub(super) fn missing(&self) -> Missing {
        Missing { files: self.files.dropped(), ..self.missing }
    }

    /// The files, those first that changed last. Those with holes come behind all others: they cost their writer
    /// nothing.
    pub(super) fn newest_first(self) -> impl Iterator<Item = Below> {
        let mut files = self.files.in_order();
        files.sort_by_key(|((changed, is_whole), _)| (!is_whole, Reverse(*changed)));
        files.into_iter().map(|(_, below)| below)
    }

    fn go_on(&mut self) -> ControlFlow<()> {
        if Instant::now() < self.until {
            return ControlFlow::Continue(());
        }
        self.missing.late = true;
        ControlFlow::Break(())
    }
}

/// Does it take less room on the disk than its size says? The unit of `st_blocks` is 512 bytes (stat(2)).
fn has_holes(stat: &Stat) -> bool {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512) < size(stat)
}

impl Visitor for Inventory {
    fn folder(&mut self, _: &Below, _: &OwnedFd) -> ControlFlow<()> {
        self.go_on()
    }

    fn file(&mut self, below: Below, stat: &Stat) -> ControlFlow<()> {
        if kind(stat) == FileType::RegularFile {
            self.files.offer((Stamp::from(stat).ctime, !has_holes(stat)), below);
        }
        self.go_on()
    }

    fn unread(&mut self, below: &Below, error: Errno) -> ControlFlow<()> {
        if self.unread.len() < UNREAD {
            self.unread.push((below.clone(), error));
        } else {
            self.missing.unread += 1;
        }
        self.go_on()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::share::directory::Root;
    use crate::sources::walk::walk;

    fn of(path: &Path, most: usize, memory: usize) -> (Vec<String>, Missing) {
        let mut inventory = Inventory::new(most, Instant::now() + Duration::from_secs(60));
        inventory.files = Newest::new(most, memory);
        let _ = walk(&Root::open(path).unwrap(), Below::from([]), &mut inventory);
        let missing = inventory.missing();
        (inventory.newest_first().map(|below| String::from_utf8_lossy(&below).into_owned()).collect(), missing)
    }

    /// Five files, each of a later tick than the one before; the newest is a level below, so the walk meets it last.
    fn five() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        for name in ["1", "2", "3", "4", "sub/5"] {
            std::fs::write(dir.path().join(name), name).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        std::os::unix::fs::symlink("1", dir.path().join("link")).unwrap();
        dir
    }

    #[test]
    fn what_changed_last_comes_first_and_of_more_than_fit_it_is_what_stays() {
        let dir = five();
        let all = ["sub/5", "4", "3", "2", "1"].map(str::to_owned).to_vec();
        assert_eq!(of(dir.path(), 5, MEMORY), (all.clone(), Missing::default()));
        let missing = Missing { files: 3, ..Missing::default() };
        assert_eq!(of(dir.path(), 2, MEMORY), (all[..2].to_vec(), missing));
        assert_eq!(of(dir.path(), 5, "sub/5".len() + 1), (all[..2].to_vec(), missing), "by the bytes of paths");
    }

    #[test]
    fn the_walk_ends_when_its_time_is_over() {
        let dir = five();
        let mut inventory = Inventory::new(5, Instant::now());
        assert!(walk(&Root::open(dir.path()).unwrap(), Below::from([]), &mut inventory).is_break());
        assert!(inventory.missing().late && inventory.newest_first().count() <= 1);
    }
}
