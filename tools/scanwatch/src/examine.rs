//! From a path to a file that is held open, or to the reason why there is nothing to scan (yet).

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode, Stat, fchmod, fstat};
use rustix::io::Errno;

use crate::court::{Court, Duty};
use crate::place::{Spot, split};
use crate::queue::Task;
use crate::stamp::{Stamp, kind, kind_name, size};
use crate::tell;
use crate::verdict::{Verdict, Why};

/// A file that is held: nobody can put another in its place behind our back.
#[derive(Debug)]
pub(crate) struct Held {
    /// Where it was found.
    pub(crate) spot: Spot,
    /// Open for reading.
    pub(crate) file: OwnedFd,
    /// As it was when it was opened.
    pub(crate) stat: Stat,
    /// Did somebody have it open for writing?
    pub(crate) writer: bool,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Scan it.
    Scan(Held),
    /// Look again at this time.
    Wait(Instant),
    /// The verdict needs no scan.
    Judged(Option<Held>, Option<Stat>, Verdict),
    /// Nothing to do: no file, or one that is known in this state.
    Nothing,
}

/// The set-user-id and set-group-id bits.
const SET_ID: u32 = 0o6000;
/// Longest wait for a lease to be given up: the kernel breaks it after 45 s (`fs.lease-break-time`).
const LEASE_PATIENCE: Duration = Duration::from_secs(60);
/// Shortest wait for a writer.
const SHORT: Duration = Duration::from_millis(20);

/// Opens what the task is about, and decides.
pub(crate) fn examine(court: &Court, task: &Task) -> Next {
    let now = Instant::now();
    let spot = match task.place.spot(&task.below) {
        Ok(spot) => spot,
        Err(error) => return unopened(court, task, None, error, now),
    };
    let stat = match spot.stat() {
        Ok(stat) => stat,
        Err(error) => return unopened(court, task, None, error, now),
    };
    match kind(&stat) {
        FileType::RegularFile => regular(court, task, spot, stat, now),
        FileType::Symlink => link(court, Some(stat)),
        // Folders are walked.
        FileType::Directory => Next::Nothing,
        _ if is_known(court, task, &stat) => Next::Nothing,
        other => Next::Judged(None, Some(stat), Verdict::Unscanned(Why::Special(kind_name(other)))),
    }
}

fn regular(court: &Court, task: &Task, spot: Spot, seen: Stat, now: Instant) -> Next {
    if court.changed_since.is_some_and(|since| Stamp::from(&seen).ctime < since) {
        return Next::Nothing;
    }
    let guarding = matches!(court.duty, Duty::Guard(_));
    let has_set_id = seen.st_mode & SET_ID != 0;
    if guarding && !has_set_id {
        if is_known(court, task, &seen) {
            return Next::Nothing;
        }
        if let Some(due) = deferred_until(court, &spot, now) {
            return Next::Wait(due);
        }
    }
    let (file, mut stat) = match spot.open().and_then(|file| fstat(&file).map(|stat| (file, stat))) {
        Ok(opened) => opened,
        Err(error) => return unopened(court, task, Some(seen), error, now),
    };
    if kind(&stat) != FileType::RegularFile || Stamp::from(&stat).identity != Stamp::from(&seen).identity {
        // Another stands at the name by now; it is looked at for itself.
        return Next::Wait(now + SHORT);
    }
    if guarding && has_set_id {
        strip(court, task, &file, &mut stat);
        if let Some(due) = deferred_until(court, &spot, now) {
            return Next::Wait(due);
        }
    }
    // Not known (no lease on this file system, or another's file) counts as none: then the stamp
    // alone decides.
    let writer = lease::has_writer(&file).unwrap_or(false);
    if guarding && writer && !task.finished {
        let patience = task.seen + court.warden.max_defer;
        if now < patience {
            return Next::Wait((now + SHORT.max(now - task.seen)).min(patience));
        }
    }
    let held = Held { spot, file, stat, writer };
    let limit = court.warden.max_size.get();
    if size(&stat) > limit {
        return Next::Judged(Some(held), Some(stat), Verdict::Unscanned(Why::TooLarge(limit)));
    }
    Next::Scan(held)
}

/// A link at the name or on the way. On the share that is nothing: what it points to is seen at its own
/// place, or is none of ours. Who names one to be scanned is told that it was not.
fn link(court: &Court, stat: Option<Stat>) -> Next {
    match court.duty {
        Duty::Guard(_) => Next::Nothing,
        Duty::Look => Next::Judged(None, stat, Verdict::Unscanned(Why::Link)),
    }
}

fn is_known(court: &Court, task: &Task, stat: &Stat) -> bool {
    let known = &mut court.known();
    if task.again { known.is_current(&Stamp::from(stat)) } else { known.holds(&Stamp::from(stat)) }
}

/// Until when a file under a temporary name is left alone; `None` when it is not, or no longer.
fn deferred_until(court: &Court, spot: &Spot, now: Instant) -> Option<Instant> {
    if !court.warden.defers(OsStr::from_bytes(spot.name.to_bytes())) {
        return None;
    }
    // What is gone by now is not deferred: whoever opens it next finds out.
    let due = court.firsts().of(spot.life().ok()?, now)? + court.warden.max_defer;
    (now < due).then_some(due)
}

/// Takes the set-id bits off, on the descriptor, and says so.
fn strip(court: &Court, task: &Task, file: &OwnedFd, stat: &mut Stat) {
    let before = *stat;
    let result = fchmod(file, Mode::from_raw_mode(stat.st_mode & 0o7777 & !SET_ID));
    if let Ok(after) = fstat(file) {
        *stat = after;
    }
    court.tell(&tell::set_id(&task.place.shown(&task.below), &before, result));
}

fn unopened(court: &Court, task: &Task, stat: Option<Stat>, error: Errno, now: Instant) -> Next {
    match error {
        Errno::AGAIN if now < task.seen + LEASE_PATIENCE => {
            if let (Duty::Guard(_), Ok(spot)) = (&court.duty, task.place.spot(&task.below)) {
                court.patience.read(&spot);
            }
            Next::Wait(now + Duration::from_millis(500))
        }
        Errno::AGAIN => Next::Judged(None, stat, Verdict::Unscanned(Why::Leased)),
        Errno::LOOP => link(court, stat),
        Errno::NOTDIR => Next::Nothing,
        // A closed file that is gone before we came is worth a line; a name that only appeared is not,
        // and a temporary one that is gone has its own name now.
        Errno::NOENT if task.finished && !court.warden.defers(OsStr::from_bytes(split(&task.below).1)) => {
            Next::Judged(None, stat, Verdict::Unscanned(Why::Vanished))
        }
        Errno::NOENT => Next::Nothing,
        error => Next::Judged(None, stat, Verdict::Unscanned(Why::Unreadable(error))),
    }
}
