//! The jail: a folder out of every mount of the cell, bounded in size, where what was found is kept.
//!
//! An entry is two files: `<id>`, the content, in an inode of its own that nobody else ever had open,
//! and `<id>.json`, the facts. The id is a `UUIDv7`, so a listing is in order of time. The order of
//! writing makes a crash harmless:
//!
//! 1. `<id>` is written. Alone it means: nothing was taken from its place yet.
//! 2. `<id>.pending` holds the facts, and both are synced. Now the content is safe, and the original may
//!    go. (Facts whose content is not whole mean the same as 1.)
//! 3. The original is neutralised, the tombstone left, the record written.
//! 4. `<id>.pending` becomes `<id>.json`: all is done and told.
//!
//! [`Jail::recover`] undoes 1 and completes 2 after a crash.

mod allow;
mod copy;
mod entry;
pub(crate) mod quarantine;
mod recover;
pub(crate) mod removal;
mod sidecar;
mod tombstone;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use policy::Share;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, fstat, openat, statat, unlinkat};

use crate::share::file_state::size;
pub(crate) use copy::Copied;
pub(crate) use entry::Whole;
pub(crate) use recover::Pending;
pub(crate) use sidecar::base64;
pub use sidecar::{BadSidecar, Sidecar};
pub(crate) use tombstone::{Tombstone, is_tombstone_of, leave as leave_tombstone};

/// Why something could not be taken in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is over what is left of the jail's size, in bytes.
    Full(u64),
    /// The jail's own file system failed.
    Failed(io::Error),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(limit) => write!(f, "the jail is full ({limit} bytes)"),
            Self::Failed(error) => write!(f, "the jail cannot be written: {error}"),
        }
    }
}

impl From<rustix::io::Errno> for Refusal {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Failed(error.into())
    }
}

/// The jail's folder, held open, and the bytes that it may take.
#[derive(Debug)]
pub(crate) struct Jail {
    folder: OwnedFd,
    shown: PathBuf,
    limit: u64,
    used: Mutex<Used>,
}

/// What the entries take, as it was counted last: another process may purge them meanwhile.
#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    counted: Option<Instant>,
}

/// A full jail is counted anew at most this often.
const COUNT_AGAIN: Duration = Duration::from_secs(5);

impl Jail {
    /// Opens the jail, and makes sure that nobody else can look into it.
    ///
    /// # Errors
    /// If it is no folder, if it is open to others, or if it cannot be written. If it lies in the share, or the share
    /// in it.
    pub(crate) fn open(settings: &Share, share: Option<&Path>) -> anyhow::Result<Self> {
        let shown = settings.path.clone();
        if let Some(share) = share {
            apart(&shown, share)?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, &shown, flags, Mode::empty()).with_context(|| {
            format!("the jail {} cannot be opened as a folder: make it with mode 0700", shown.display())
        })?;
        let stat = fstat(&folder).with_context(|| format!("the jail {}", shown.display()))?;
        if stat.st_mode & 0o077 != 0 {
            bail!("the jail {} is open to others (mode {:04o}): chmod 0700 it", shown.display(), stat.st_mode & 0o7777);
        }
        let jail = Self { folder, shown, limit: settings.size.get(), used: Mutex::default() };
        let bytes = jail.count()?;
        *jail.used() = Used { bytes, counted: Some(Instant::now()) };
        Ok(jail)
    }

    /// Counts what the entries take.
    fn count(&self) -> anyhow::Result<u64> {
        let size = |name: &String| {
            statat(&self.folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).map_or(0, |stat| weight(size(&stat)))
        };
        Ok(self.names()?.iter().map(size).sum())
    }

    /// Tries to write in it.
    pub(crate) fn prove_writable(&self) -> anyhow::Result<()> {
        let name = format!(".probe-{}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        openat(&self.folder, name.as_str(), flags, Mode::RUSR)
            .and_then(|_| unlinkat(&self.folder, name.as_str(), AtFlags::empty()))
            .with_context(|| format!("the jail {} cannot be written", self.shown.display()))
    }

    /// The names of all files in it.
    pub(crate) fn names(&self) -> anyhow::Result<Vec<String>> {
        let context = || format!("the jail {} cannot be read", self.shown.display());
        let folder = openat(&self.folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .with_context(context)?;
        let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 * 1024];
        let mut entries = RawDir::new(&folder, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry.with_context(context)?;
            // What has no name of ours (all are ASCII) is not ours.
            if let Ok(name) = entry.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Where it is, for people.
    pub(crate) fn shown(&self) -> &Path {
        &self.shown
    }

    /// All is done and told: the entry is complete.
    pub(crate) fn settle(&self, id: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.folder, pending(id), &self.folder, complete(id))?;
        Ok(())
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a file counts for: whole blocks, so that many small ones are bounded too.
fn weight(size: u64) -> u64 {
    size.div_ceil(4096).max(1).saturating_mul(4096)
}

fn pending(id: &str) -> String {
    format!("{id}.pending")
}

fn complete(id: &str) -> String {
    format!("{id}.json")
}

/// A jail within the share is no jail, and a share within the jail would be judged by itself.
fn apart(jail: &Path, share: &Path) -> anyhow::Result<()> {
    let real = |path: &Path| path.canonicalize().with_context(|| format!("{} cannot be reached", path.display()));
    let (jail, share) = (real(jail)?, real(share)?);
    if jail.starts_with(&share) || share.starts_with(&jail) {
        bail!("the jail {} and the share {} must not lie in one another", jail.display(), share.display());
    }
    Ok(())
}
