//! Walks a tree that its owner rearranges while we walk: never through a link, hand over hand with
//! descriptors, without recursion, so that no depth makes it fall.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, RawDir, Stat, statat};
use rustix::io::Errno;

use crate::share::directory::{Below, MAX_PATH, Root, join};
use crate::share::file_state::kind;

/// What a walk meets. The visitor says whether to go on.
pub(crate) trait Visitor {
    /// A folder, open, before anything in it: the time to put a watch on it.
    fn folder(&mut self, below: &Below, fd: &OwnedFd) -> ControlFlow<()>;
    /// Anything that is no folder.
    fn file(&mut self, below: Below, stat: &Stat) -> ControlFlow<()>;
    /// A folder that could not be read, and why.
    fn unread(&mut self, below: &Below, error: Errno) -> ControlFlow<()>;
}

/// Folders to come: the one that each is in, which it shares with all others there, and its name. Were it the whole
/// path of each, a wide folder at a long path's end would take unbounded memory.
type Folders = Vec<(Below, Box<[u8]>)>;

/// Walks everything from the folder `start` on, itself included. What vanishes on the way is passed
/// over: whoever moved it, its new place is told by an event.
pub(crate) fn walk(root: &Root, start: Below, visitor: &mut impl Visitor) -> ControlFlow<()> {
    let mut folders: Folders = vec![(start, Box::default())];
    let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
    while let Some((parent, name)) = folders.pop() {
        let below = if name.is_empty() { parent } else { join(&parent, &name) };
        let fd = match root.folder(&below) {
            Ok(fd) => fd,
            // Gone, or no folder (any more): nothing to read here.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(error) => {
                visitor.unread(&below, error)?;
                continue;
            }
        };
        visitor.folder(&below, &fd)?;
        read(&below, &fd, &mut buffer, &mut folders, visitor)?;
    }
    ControlFlow::Continue(())
}

fn read(
    below: &Below,
    fd: &OwnedFd,
    buffer: &mut [MaybeUninit<u8>],
    folders: &mut Folders,
    visitor: &mut impl Visitor,
) -> ControlFlow<()> {
    let mut entries = RawDir::new(fd, buffer);
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return visitor.unread(below, error),
        };
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let path = join(below, name.to_bytes());
        if path.len() > MAX_PATH {
            visitor.unread(&path, Errno::NAMETOOLONG)?;
        } else if entry.file_type() == FileType::Directory || examine(fd, name, path, visitor)? {
            folders.push((Arc::clone(below), name.to_bytes().into()));
        }
    }
    ControlFlow::Continue(())
}

/// Shows it to the visitor. Says whether it is a folder after all.
fn examine(fd: &OwnedFd, name: &CStr, path: Below, visitor: &mut impl Visitor) -> ControlFlow<(), bool> {
    match statat(fd, name, AtFlags::SYMLINK_NOFOLLOW) {
        // Not every file system tells the kind in the listing.
        Ok(stat) if kind(&stat) == FileType::Directory => return ControlFlow::Continue(true),
        Ok(stat) => visitor.file(path, &stat)?,
        Err(Errno::NOENT) => {}
        Err(error) => visitor.unread(&path, error)?,
    }
    ControlFlow::Continue(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[derive(Default)]
    struct Seen {
        folders: Vec<String>,
        files: Vec<String>,
        limit: usize,
    }

    impl Visitor for Seen {
        fn folder(&mut self, below: &Below, _: &OwnedFd) -> ControlFlow<()> {
            self.folders.push(String::from_utf8_lossy(below).into_owned());
            ControlFlow::Continue(())
        }
        fn file(&mut self, below: Below, _: &Stat) -> ControlFlow<()> {
            self.files.push(String::from_utf8_lossy(&below).into_owned());
            if self.files.len() == self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        fn unread(&mut self, below: &Below, error: Errno) -> ControlFlow<()> {
            panic!("{}: {error}", String::from_utf8_lossy(below));
        }
    }

    fn seen(path: &Path, limit: usize) -> Seen {
        let mut seen = Seen { limit, ..Seen::default() };
        let _ = walk(&Root::open(path).unwrap(), Below::from([]), &mut seen);
        seen.folders.sort();
        seen.files.sort();
        seen
    }

    #[test]
    fn every_file_is_met_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b.tmp")).unwrap();
        for file in ["top", "a/one", "a/b.tmp/two"] {
            std::fs::write(dir.path().join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink("/", dir.path().join("a/root")).unwrap();
        std::os::unix::fs::symlink("..", dir.path().join("a/up")).unwrap();
        let seen = seen(dir.path(), 0);
        assert_eq!(seen.folders, ["", "a", "a/b.tmp"]);
        assert_eq!(seen.files, ["a/b.tmp/two", "a/one", "a/root", "a/up", "top"]);
    }

    #[test]
    fn the_visitor_can_end_it() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..10 {
            std::fs::write(dir.path().join(number.to_string()), "x").unwrap();
        }
        assert_eq!(seen(dir.path(), 3).files.len(), 3);
    }
}
