//! A folder whose writer is an attacker, and the way to a file in it that no link can bend.
//!
//! Paths below it are bytes, relative, with single slashes. They are opened with `openat2` in hops that each fit the
//! kernel's `PATH_MAX`. So a nest of folders is no place to hide. What is deeper than [`MAX_PATH`] is told, not
//! followed.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat, StatxFlags, makedev, openat, openat2, statat, statx};
use rustix::io::Errno;

use crate::share::file_state::Life;

/// A path below a [`Root`]: bytes, relative, shared.
pub(crate) type Below = Arc<[u8]>;

/// The longest path below a root that is followed, in bytes: 16 times the kernel's `PATH_MAX`.
pub(crate) const MAX_PATH: usize = 64 * 1024;
/// What one call may take: `PATH_MAX` with its NUL is 4096.
const HOP: usize = 4000;

/// A folder that stays the same one, however it is renamed.
#[derive(Debug)]
pub(crate) struct Root {
    number: u32,
    fd: OwnedFd,
    shown: PathBuf,
}

impl Root {
    /// Opens the folder. Links on the way to it are followed: it is named by whoever runs the tool.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty())
            .with_context(|| format!("{} cannot be opened as a folder", path.display()))?;
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            fd,
            shown: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        })
    }

    /// Tells it from every other root of this run.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The path as a container or a person calls it.
    pub(crate) fn shown(&self, below: &[u8]) -> PathBuf {
        if below.is_empty() { self.shown.clone() } else { self.shown.join(OsStr::from_bytes(below)) }
    }

    /// Opens a folder below, to read it. `ELOOP` when a link is in the way.
    pub(crate) fn folder(&self, below: &[u8]) -> Result<OwnedFd, Errno> {
        if below.len() > MAX_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        let mut hops = hops(below).peekable();
        if hops.peek().is_none() {
            return step(self.fd.as_fd(), b".", OFlags::RDONLY);
        }
        let mut at: Option<OwnedFd> = None;
        while let Some(hop) = hops.next() {
            let flags = if hops.peek().is_some() { OFlags::PATH } else { OFlags::RDONLY };
            let from = at.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
            at = Some(step(from, hop, flags)?);
        }
        at.ok_or(Errno::NOENT)
    }

    /// The folder that holds a path, and the name in it.
    pub(crate) fn spot(&self, below: &[u8]) -> Result<Spot, Errno> {
        let (folder, name) = split(below);
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        if name.is_empty() || name.as_bytes() == b"." || name.as_bytes() == b".." {
            return Err(Errno::INVAL);
        }
        Ok(Spot { folder: self.folder(folder)?, name })
    }
}

/// A name in a folder that is held open: where a file is, or was.
#[derive(Debug)]
pub(crate) struct Spot {
    /// The folder, held open.
    pub(crate) folder: OwnedFd,
    /// The name in it, a single component.
    pub(crate) name: CString,
}

impl Spot {
    /// What stands at the name now; it follows no link.
    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Which life of which inode stands at the name now: its number, and when the kernel made it (statx(2)).
    pub(crate) fn life(&self) -> Result<Life, Errno> {
        let flags = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let seen = statx(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW, flags)?;
        let told = StatxFlags::from_bits_retain(seen.stx_mask).contains(StatxFlags::BTIME);
        let born = told.then_some((seen.stx_btime.tv_sec, seen.stx_btime.tv_nsec));
        Ok(Life { identity: (makedev(seen.stx_dev_major, seen.stx_dev_minor), seen.stx_ino), born })
    }

    /// Opens what stands at the name, without ever waiting. It waits for no writer of a FIFO, and for no lease to be
    /// given up (`EAGAIN` then). No link is followed.
    pub(crate) fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        openat(&self.folder, &self.name, flags, Mode::empty())
    }
}

fn step(from: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(from, path, flags | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// Folder and last component.
pub(crate) fn split(below: &[u8]) -> (&[u8], &[u8]) {
    match below.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (below.get(..at).unwrap_or_default(), below.get(at + 1..).unwrap_or_default()),
        None => (&[], below),
    }
}

/// The path of a name in a folder. The share itself has the empty path, and no slash goes before its names.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Below {
    if folder.is_empty() { name.into() } else { [folder, b"/", name].concat().into() }
}

/// Cuts a path at slashes into pieces that one call can take.
fn hops(below: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = below;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = if rest.len() <= HOP {
            rest.len()
        } else {
            rest.get(..=HOP).and_then(|head| head.iter().rposition(|byte| *byte == b'/')).unwrap_or(rest.len())
        };
        let (hop, tail) = rest.split_at_checked(cut)?;
        rest = tail.strip_prefix(b"/").unwrap_or(tail);
        Some(hop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_cut_at_slashes_and_loses_nothing() {
        let path = vec!["n".repeat(200); 100].join("/");
        let hops: Vec<&[u8]> = hops(path.as_bytes()).collect();
        assert!(hops.len() > 4 && hops.iter().all(|hop| hop.len() <= HOP));
        assert_eq!(hops.join(&b'/'), path.as_bytes());
        assert_eq!(super::hops(b"").count(), 0);
        assert_eq!(super::hops(b"a").collect::<Vec<_>>(), [b"a"]);
    }

    #[test]
    fn a_link_on_the_way_is_never_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        std::fs::write(dir.path().join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("real/file", dir.path().join("leaf")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert!(root.spot(b"real/file").unwrap().open().is_ok());
        assert_eq!(root.spot(b"link/file").unwrap_err(), Errno::LOOP);
        assert_eq!(root.spot(b"leaf").unwrap().open().unwrap_err(), Errno::LOOP);
        assert_eq!(root.spot(b"real/../real/file").map(|_| ()), Ok(()), "dots within stay within");
        assert!(root.spot(b"../etc/passwd").is_err());
        assert_eq!(root.spot(b"real/..").unwrap_err(), Errno::INVAL);
    }

    #[test]
    fn a_folder_deeper_than_the_kernel_takes_in_one_call_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let name = "d".repeat(250);
        let mut at = openat(CWD, dir.path(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..30 {
            rustix::fs::mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
            at = openat(&at, name.as_str(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        let deep = vec![name.as_str(); 30].join("/");
        assert!(deep.len() > 4096);
        assert!(Root::open(dir.path()).unwrap().folder(deep.as_bytes()).is_ok());
        // Removing it by its path would fail for the same reason: hand over hand.
        assert!(std::process::Command::new("rm").arg("-rf").arg(dir.path().join(&name)).status().unwrap().success());
    }
}
