//! From a path to a file that is held open, or to why there is nothing to scan (yet).

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode, Stat, fchmod, fstat};
use rustix::io::Errno;

use crate::clamd::verdict::{Verdict, Why};
use crate::pipeline::shared::{OnFound, Shared};
use crate::queue::Task;
use crate::records;
use crate::share::directory::{Spot, split};
use crate::share::file_state::{Stamp, kind, kind_name, size};
use crate::share::open_file::OpenFile;

/// What becomes of a task once its file was looked at.
#[derive(Debug)]
pub(crate) enum Next {
    /// Scan it: it is open.
    Scan(OpenFile),
    /// Look again at this time.
    Wait(Instant),
    /// The verdict needs no scan.
    Judged(Option<OpenFile>, Option<Stat>, Verdict),
    /// Nothing to do: no file, or one that was scanned in this state.
    Nothing,
}

/// The set-user-id and set-group-id bits.
const SET_ID: u32 = 0o6000;
/// Longest wait for a lease to be given up: the kernel breaks it after 45 s (`fs.lease-break-time`).
const LEASE_TIMEOUT: Duration = Duration::from_secs(60);
/// Shortest wait for a writer.
const SHORT: Duration = Duration::from_millis(20);

/// Opens what the task is about, and decides.
pub(crate) fn examine(shared: &Shared, task: &Task) -> Next {
    let now = Instant::now();
    let spot = match task.root.spot(&task.below) {
        Ok(spot) => spot,
        Err(error) => return unopened(shared, task, None, error, now),
    };
    let stat = match spot.stat() {
        Ok(stat) => stat,
        Err(error) => return unopened(shared, task, None, error, now),
    };
    match kind(&stat) {
        FileType::RegularFile => regular(shared, task, spot, stat, now),
        FileType::Symlink => met_link(shared, Some(stat)),
        // Folders are walked.
        FileType::Directory => Next::Nothing,
        _ if is_known(shared, task, &stat) => Next::Nothing,
        other => Next::Judged(None, Some(stat), Verdict::Unscanned(Why::Special(kind_name(other)))),
    }
}

fn regular(shared: &Shared, task: &Task, spot: Spot, seen: Stat, now: Instant) -> Next {
    if shared.changed_since.is_some_and(|since| Stamp::from(&seen).ctime < since) {
        return Next::Nothing;
    }
    let quarantines = matches!(shared.on_found, OnFound::Quarantine(_));
    let has_set_id = seen.st_mode & SET_ID != 0;
    if quarantines && !has_set_id {
        if is_known(shared, task, &seen) {
            return Next::Nothing;
        }
        if let Some(due) = deferred_until(shared, &spot, now) {
            return Next::Wait(due);
        }
    }
    let (file, mut stat) = match spot.open().and_then(|file| fstat(&file).map(|stat| (file, stat))) {
        Ok(opened) => opened,
        Err(error) => return unopened(shared, task, Some(seen), error, now),
    };
    if kind(&stat) != FileType::RegularFile || Stamp::from(&stat).identity != Stamp::from(&seen).identity {
        // Another stands at the name by now; it is looked at for itself.
        return Next::Wait(now + SHORT);
    }
    if quarantines && has_set_id {
        strip(shared, task, &file, &mut stat);
        if let Some(due) = deferred_until(shared, &spot, now) {
            return Next::Wait(due);
        }
    }
    if quarantines && let Some(due) = shared.scan_pauses().until(task, &stat, spot.life().ok(), now) {
        return Next::Wait(due);
    }
    // Not known (no lease on this file system, or another's file) counts as none: then the stamp
    // alone decides.
    let writer = lease::has_writer(&file).unwrap_or(false);
    if quarantines && writer && !task.finished {
        let latest = task.seen + shared.warden.max_defer;
        if now < latest {
            return Next::Wait((now + SHORT.max(now - task.seen)).min(latest));
        }
    }
    let held = OpenFile { spot, file, stat, writer };
    let limit = shared.warden.max_size.get();
    if size(&stat) > limit {
        return Next::Judged(Some(held), Some(stat), Verdict::Unscanned(Why::TooLarge(limit)));
    }
    Next::Scan(held)
}

/// A link at the name or on the way. On the share that is nothing: what it points to is seen at its own
/// place, or is none of ours. Who names one to be scanned is told that it was not.
fn met_link(shared: &Shared, stat: Option<Stat>) -> Next {
    match shared.on_found {
        OnFound::Quarantine(_) => Next::Nothing,
        OnFound::Report => Next::Judged(None, stat, Verdict::Unscanned(Why::Link)),
    }
}

fn is_known(shared: &Shared, task: &Task, stat: &Stat) -> bool {
    let known = &mut shared.scan_cache();
    if task.again { known.is_current(&Stamp::from(stat)) } else { known.holds(&Stamp::from(stat)) }
}

/// Until when a file under a temporary name is left alone; `None` when it is not, or no longer.
fn deferred_until(shared: &Shared, spot: &Spot, now: Instant) -> Option<Instant> {
    if !shared.warden.defers(OsStr::from_bytes(spot.name.to_bytes())) {
        return None;
    }
    // What is gone by now is not deferred: whoever opens it next finds out.
    let due = shared.first_sights().of(spot.life().ok()?, now)? + shared.warden.max_defer;
    (now < due).then_some(due)
}

/// Takes the set-id bits off, on the descriptor, and says so.
fn strip(shared: &Shared, task: &Task, file: &OwnedFd, stat: &mut Stat) {
    let before = *stat;
    let result = fchmod(file, Mode::from_raw_mode(stat.st_mode & 0o7777 & !SET_ID));
    if let Ok(after) = fstat(file) {
        *stat = after;
    }
    shared.report(&records::set_id(&task.root.shown(&task.below), &before, result));
}

fn unopened(shared: &Shared, task: &Task, stat: Option<Stat>, error: Errno, now: Instant) -> Next {
    match error {
        Errno::AGAIN if now < task.seen + LEASE_TIMEOUT => {
            if let (OnFound::Quarantine(_), Ok(spot)) = (&shared.on_found, task.root.spot(&task.below)) {
                shared.blocking_opens.read(&spot);
            }
            Next::Wait(now + Duration::from_millis(500))
        }
        Errno::AGAIN => Next::Judged(None, stat, Verdict::Unscanned(Why::Leased)),
        Errno::LOOP => met_link(shared, stat),
        Errno::NOTDIR => Next::Nothing,
        // A closed file that is gone before we came is worth a line. A name that only appeared is not, and a temporary
        // one that is gone has its own name now.
        Errno::NOENT if task.finished && !shared.warden.defers(OsStr::from_bytes(split(&task.below).1)) => {
            Next::Judged(None, stat, Verdict::Unscanned(Why::Vanished))
        }
        Errno::NOENT => Next::Nothing,
        error => Next::Judged(None, stat, Verdict::Unscanned(Why::Unreadable(error))),
    }
}
