//! From the verdict to a share where nothing found is in reach: copied to the jail, the copy judged
//! again, the name removed, the inode emptied for whoever else holds it, a tombstone in its place.

use std::os::fd::AsFd;

use jiff::Timestamp;
use rustix::fs::{AtFlags, OFlags, fstat, unlinkat};
use rustix::io::Errno;

use crate::clamd::Broken;
use crate::examine::Held;
use crate::failpoint::{Step, reached};
use crate::jail::{Copied, Jail, Refusal, Sidecar, Tombstone, base64, leave_tombstone};
use crate::patience::empty;
use crate::place::Spot;
use crate::queue::Task;
use crate::stamp::{Stamp, size};
use crate::verdict::Verdict;

/// What was done at the place where the file was.
#[derive(Debug, Default)]
pub(crate) struct Deed {
    /// The name is gone.
    pub(crate) removed: bool,
    /// The inode is empty.
    pub(crate) emptied: bool,
    /// Names that the inode still has.
    pub(crate) other_links: u64,
    /// A tombstone stands at the name.
    pub(crate) tombstone: bool,
    /// What did not work.
    pub(crate) trouble: Vec<String>,
}

impl Deed {
    /// Is what was found out of everybody's reach?
    pub(crate) fn is_done(&self) -> bool {
        self.emptied || (self.removed && self.other_links == 0)
    }
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Sentence {
    /// In the jail.
    Jailed(Copied, Deed),
    /// The jail took no copy; the file is to be neutralised without one.
    NoRoom(Refusal),
    /// What was copied is not what was judged: it is to be scanned again.
    Changed,
    /// The engine went away before it judged the copy: nothing was done.
    EngineLost(Broken),
}

/// What a person is told of it, wherever it is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grounds<'a> {
    /// What was done with, and where it was.
    pub(crate) task: &'a Task,
    /// Infected, or unscanned where the policy jails that too.
    pub(crate) verdict: &'a Verdict,
    /// VERSION of the engine.
    pub(crate) engine: &'a str,
}

/// Jails a file. `confirm` judges the copy: `Ok(true)` if it deserves the same.
pub(crate) fn jail(
    jail: &Jail,
    held: &Held,
    grounds: Grounds<'_>,
    confirm: impl FnOnce(&Copied) -> Result<bool, Broken>,
) -> Sentence {
    let copied = match jail.copy(held.file.as_fd(), size(&held.stat)) {
        Ok(copied) => copied,
        Err(refusal) => return Sentence::NoRoom(refusal),
    };
    reached(Step::Copied);
    match confirm(&copied) {
        Ok(true) => {}
        Ok(false) => {
            jail.discard(&copied);
            return Sentence::Changed;
        }
        Err(broken) => {
            jail.discard(&copied);
            return Sentence::EngineLost(broken);
        }
    }
    let sidecar = sidecar(held, grounds, &copied);
    if let Err(refusal) = jail.commit(&copied, &sidecar) {
        return Sentence::NoRoom(refusal);
    }
    reached(Step::Committed);
    let mut deed = neutralise(held);
    reached(Step::Emptied);
    mark(&held.spot, &mut deed, &tombstone(&sidecar, true));
    reached(Step::Marked);
    Sentence::Jailed(copied, deed)
}

/// The tombstone of an entry.
pub(crate) fn tombstone(sidecar: &Sidecar, kept: bool) -> Tombstone<'_> {
    Tombstone { id: &sidecar.id, when: &sidecar.jailed, found: &sidecar.found, sha256: &sidecar.sha256, kept }
}

/// Takes a file out of reach: its name, if it still stands for this very inode, and its content.
pub(crate) fn neutralise(held: &Held) -> Deed {
    let mut deed = Deed::default();
    match held.spot.stat() {
        Ok(stat) if Stamp::from(&stat).identity == Stamp::from(&held.stat).identity => {
            match unlinkat(&held.spot.folder, &held.spot.name, AtFlags::empty()) {
                Ok(()) => deed.removed = true,
                Err(error) => deed.trouble.push(format!("its name could not be removed: {error}")),
            }
        }
        Ok(_) | Err(Errno::NOENT) => deed.trouble.push("it was moved to another name meanwhile".to_owned()),
        Err(error) => deed.trouble.push(format!("its name cannot be reached: {error}")),
    }
    reached(Step::Removed);
    // Emptied always: an open descriptor, a mapping and another name all lead to the inode.
    match empty(&held.file, OFlags::NONBLOCK) {
        Ok(()) => deed.emptied = true,
        Err(error) => deed.trouble.push(format!("its content could not be removed at once: {error}")),
    }
    deed.other_links = fstat(&held.file).map_or(0, |stat| stat.st_nlink);
    deed
}

/// Leaves the tombstone where the name is free.
pub(crate) fn mark(spot: &Spot, deed: &mut Deed, tombstone: &Tombstone<'_>) {
    match leave_tombstone(spot, tombstone) {
        Ok(()) => deed.tombstone = true,
        Err(error) => deed.trouble.push(format!("no tombstone could be left: {error}")),
    }
}

fn sidecar(held: &Held, grounds: Grounds<'_>, copied: &Copied) -> Sidecar {
    let Grounds { task, verdict, engine } = grounds;
    let stat = &held.stat;
    Sidecar {
        format: Sidecar::FORMAT,
        id: copied.id.clone(),
        jailed: format!("{:.6}", Timestamp::now()),
        verdict: verdict.word().to_owned(),
        found: found(verdict),
        engine: engine.to_owned(),
        share: task.place.shown(b"").to_string_lossy().into_owned(),
        path: String::from_utf8_lossy(&task.below).into_owned(),
        path_base64: base64(&task.below),
        sha256: copied.sha256.clone(),
        size: copied.size,
        device: stat.st_dev,
        inode: stat.st_ino,
        links: stat.st_nlink,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
    }
}

/// What a tombstone and a sidecar say was found.
pub(crate) fn found(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Infected(name) => name.clone(),
        Verdict::Unscanned(why) => format!("could not be scanned ({})", why.word()),
        Verdict::Clean | Verdict::Error(_) => verdict.word().to_owned(),
    }
}
