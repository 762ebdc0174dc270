//! From the verdict to a share where nothing found is in reach: copied to the jail, the copy judged again, the name
//! removed. Then the inode is emptied for whoever else holds it, and a tombstone takes its place.

use std::os::fd::AsFd;

use jiff::Timestamp;
use rustix::fs::{AtFlags, OFlags, fstat, unlinkat};
use rustix::io::Errno;

use crate::clamd::Broken;
use crate::clamd::verdict::Verdict;
use crate::failpoint::{Step, reached};
use crate::jail::removal::Removal;
use crate::jail::{Copied, Jail, Refusal, Sidecar, Tombstone, base64, leave_tombstone};
use crate::queue::Task;
use crate::share::blocking_open::empty;
use crate::share::directory::Spot;
use crate::share::file_state::{Stamp, size};
use crate::share::open_file::OpenFile;

/// How a quarantine ended.
#[derive(Debug)]
pub(crate) enum QuarantineEnd {
    /// The copy is in the jail, and the original taken away.
    Jailed(Copied, Removal),
    /// The jail took no copy; the file is to be neutralised without one.
    NoRoom(Refusal),
    /// What was copied is not what was judged: it is to be scanned again.
    Changed,
    /// The engine went away before it judged the copy: nothing was done.
    EngineLost(Broken),
}

/// What records and tombstone tell a person of it.
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
    held: &OpenFile,
    grounds: Grounds<'_>,
    confirm: impl FnOnce(&Copied) -> Result<bool, Broken>,
) -> QuarantineEnd {
    let copied = match jail.copy(held.file.as_fd(), size(&held.stat)) {
        Ok(copied) => copied,
        Err(refusal) => return QuarantineEnd::NoRoom(refusal),
    };
    reached(Step::Copied);
    match confirm(&copied) {
        Ok(true) => {}
        Ok(false) => {
            jail.discard(&copied);
            return QuarantineEnd::Changed;
        }
        Err(broken) => {
            jail.discard(&copied);
            return QuarantineEnd::EngineLost(broken);
        }
    }
    let sidecar = sidecar(held, grounds, &copied);
    if let Err(refusal) = jail.commit(&copied, &sidecar) {
        return QuarantineEnd::NoRoom(refusal);
    }
    reached(Step::Committed);
    let mut removal = neutralise(held);
    reached(Step::Emptied);
    mark(&held.spot, &mut removal, &tombstone(&sidecar, true));
    reached(Step::Marked);
    QuarantineEnd::Jailed(copied, removal)
}

pub(crate) fn tombstone(sidecar: &Sidecar, kept: bool) -> Tombstone<'_> {
    Tombstone { id: &sidecar.id, when: &sidecar.jailed, found: &sidecar.found, sha256: &sidecar.sha256, kept }
}

/// Takes a file out of reach: its name, if it still stands for this very inode, and its content.
pub(crate) fn neutralise(held: &OpenFile) -> Removal {
    let mut removal = Removal::default();
    match held.spot.stat() {
        Ok(stat) if Stamp::from(&stat).identity == Stamp::from(&held.stat).identity => {
            match unlinkat(&held.spot.folder, &held.spot.name, AtFlags::empty()) {
                Ok(()) => removal.removed = true,
                Err(error) => removal.trouble.push(format!("its name could not be removed: {error}")),
            }
        }
        Ok(_) | Err(Errno::NOENT) => removal.trouble.push("it was moved to another name meanwhile".to_owned()),
        Err(error) => removal.trouble.push(format!("its name cannot be reached: {error}")),
    }
    reached(Step::Removed);
    // Emptied always: an open descriptor, a mapping and another name all lead to the inode.
    match empty(&held.file, OFlags::NONBLOCK) {
        Ok(()) => removal.emptied = true,
        Err(error) => removal.trouble.push(format!("its content could not be removed at once: {error}")),
    }
    removal.other_links = fstat(&held.file).map_or(0, |stat| stat.st_nlink);
    removal
}

/// Leaves the tombstone where the name is free.
pub(crate) fn mark(spot: &Spot, removal: &mut Removal, tombstone: &Tombstone<'_>) {
    match leave_tombstone(spot, tombstone) {
        Ok(()) => removal.tombstone = true,
        Err(error) => removal.trouble.push(format!("no tombstone could be left: {error}")),
    }
}

fn sidecar(held: &OpenFile, grounds: Grounds<'_>, copied: &Copied) -> Sidecar {
    let Grounds { task, verdict, engine } = grounds;
    let stat = &held.stat;
    Sidecar {
        format: Sidecar::FORMAT,
        id: copied.id.clone(),
        jailed: format!("{:.6}", Timestamp::now()),
        verdict: verdict.word().to_owned(),
        found: found(verdict),
        engine: engine.to_owned(),
        share: task.root.shown(b"").to_string_lossy().into_owned(),
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
