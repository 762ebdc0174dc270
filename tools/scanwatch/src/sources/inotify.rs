//! What the kernel tells at once. inotify(7), through rustix and not through the `notify` crate. That one asks for
//! every opening of a file: each scan of ours would come back as an event. It sets watches by path: a swapped link
//! bends them, and a nest of folders hides from them. It keeps what it finds in an unbounded channel.
//!
//! A watch is set on a folder that is held open, through `/proc/self/fd`. Which path a watch stands for
//! is noted when the folder is walked; a renamed folder is walked again, and gets its new one then.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use anyhow::Context;
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use crate::share::directory::{Below, join};
use crate::sources::path_index::Folders;

/// What a change means for the one who scans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A file is as its writer wants it: closed after writing, or moved to this name.
    Finished(Below),
    /// A name appeared (its writer may still be at work), or its attributes changed.
    Appeared(Below),
    /// A file is being written.
    Written(Below),
    /// A folder appeared or may be read now: it is to be walked.
    Folder(Below),
    /// The kernel dropped events: anything may have changed.
    Overflow,
}

/// inotify's watches, one for each folder of the share.
#[derive(Debug)]
pub(crate) struct Watches {
    inotify: OwnedFd,
    /// Those that have a watch.
    pub(super) folders: Folders<i32>,
}

impl Watches {
    /// An inotify instance with no watch yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .context("inotify cannot be used (fs.inotify.max_user_instances may be exhausted)")?;
        Ok(Self { inotify, folders: Folders::default() })
    }

    /// Watches the folder, or notes its new path where it is watched already. `false` when the kernel
    /// has no more watches to give (`fs.inotify.max_user_watches`).
    pub(crate) fn add(&self, folder: &OwnedFd, below: &Below) -> Result<bool, Errno> {
        let what = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB
            | WatchFlags::MODIFY
            | WatchFlags::ONLYDIR
            // Nothing of files whose name is gone: emptying what was jailed would tell of itself.
            | WatchFlags::EXCL_UNLINK;
        // Held while the watch is set: its first event must find the path.
        let mut folders = self.folders.lock();
        if !folders.has_room(below) {
            self.folders.exhaust();
            return Ok(false);
        }
        match add_watch(&self.inotify, format!("/proc/self/fd/{}", folder.as_raw_fd()), what) {
            Ok(watch) => {
                folders.put(watch, below);
                Ok(true)
            }
            Err(Errno::NOSPC) => {
                self.folders.exhaust();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives every change that is there to `sink`, without waiting for more.
    pub(crate) fn drain(&self, sink: &mut impl FnMut(Change)) -> Result<(), Errno> {
        let mut buffer = [MaybeUninit::uninit(); 64 * 1024];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(std::ffi::CStr::to_bytes);
                    if let Some(change) = self.change(event.wd(), event.events(), name) {
                        sink(change);
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn change(&self, watch: i32, what: ReadFlags, name: Option<&[u8]>) -> Option<Change> {
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Change::Overflow);
        }
        if what.contains(ReadFlags::IGNORED) {
            self.folders.lock().remove(&watch);
            return None;
        }
        let name = name.filter(|name| !name.is_empty())?;
        let below = join(self.folders.lock().get(&watch)?, name);
        meaning(what, below)
    }
}

impl AsFd for Watches {
    /// Readable when there are changes to drain.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// What is to be done about an event at this path.
pub(crate) fn meaning(what: ReadFlags, below: Below) -> Option<Change> {
    if what.contains(ReadFlags::ISDIR) {
        let walk = what.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO | ReadFlags::ATTRIB);
        return walk.then_some(Change::Folder(below));
    }
    if what.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO) {
        Some(Change::Finished(below))
    } else if what.intersects(ReadFlags::CREATE | ReadFlags::ATTRIB) {
        Some(Change::Appeared(below))
    } else if what.contains(ReadFlags::MODIFY) {
        Some(Change::Written(below))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::directory::Root;
    use std::sync::Arc;

    #[test]
    fn a_close_weighs_more_than_what_led_to_it_and_folders_are_to_be_walked() {
        let below: Below = b"x".as_slice().into();
        let of = |what| meaning(what, Arc::clone(&below));
        assert_eq!(of(ReadFlags::CLOSE_WRITE), Some(Change::Finished(Arc::clone(&below))));
        assert_eq!(of(ReadFlags::MOVED_TO), Some(Change::Finished(Arc::clone(&below))));
        assert_eq!(of(ReadFlags::CREATE), Some(Change::Appeared(Arc::clone(&below))));
        assert_eq!(of(ReadFlags::MODIFY), Some(Change::Written(Arc::clone(&below))));
        assert_eq!(of(ReadFlags::MOVED_TO | ReadFlags::ISDIR), Some(Change::Folder(Arc::clone(&below))));
        assert_eq!(of(ReadFlags::DELETE), None);
    }

    #[test]
    fn a_renamed_folder_tells_its_new_path_once_it_was_added_again() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("old")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let watches = Watches::new().unwrap();
        let add = |below: &[u8]| watches.add(&root.folder(below).unwrap(), &below.into()).unwrap();
        assert!(add(b"old"));
        std::fs::rename(dir.path().join("old"), dir.path().join("new")).unwrap();
        assert!(add(b"new"));
        assert_eq!(watches.folders.count(), 1, "it is the same folder");
        std::fs::write(dir.path().join("new/file"), "x").unwrap();
        let mut changes = Vec::new();
        watches.drain(&mut |change| changes.push(change)).unwrap();
        assert_eq!(changes.last(), Some(&Change::Finished(b"new/file".as_slice().into())));
        std::fs::remove_dir_all(dir.path().join("new")).unwrap();
        watches.drain(&mut |_| {}).unwrap();
        assert_eq!(watches.folders.count(), 0, "a removed folder is forgotten");
    }
}
