//! Every record of the warden, as a pure function of what happened.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use record::cellblock::Scan;
use record::fields::{File, Hash, Rule};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};
use rustix::fs::Stat;
use rustix::io::Errno;

use crate::clamd::verdict::Verdict;
use crate::jail::removal::Removal;
use crate::jail::{Refusal, base64};
use crate::share::file_state::describe;

/// A file that was judged: what its records have in common.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    /// The whole path, as a container or the host calls it.
    pub(crate) path: &'a Path,
    /// The file's stat when it was judged.
    pub(crate) stat: Option<&'a Stat>,
    /// SHA-256 of the content, in hex, where it was read.
    pub(crate) sha256: Option<&'a str>,
    /// VERSION of the engine, and the name of its signatures.
    pub(crate) engine: (&'a str, &'a str),
    /// From the first sight to the start of the scan.
    pub(crate) queued: Duration,
    /// From the start of the scan to the engine's answer.
    pub(crate) took: Duration,
    /// How often it was begun.
    pub(crate) attempts: u32,
    /// Further changes that the scan stands for.
    pub(crate) merged: u32,
    /// Did somebody hold it open for writing?
    pub(crate) writer: bool,
}

fn record(action: Action, message: String) -> Record {
    Record::new(Provider::Scanwatch, action, message)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Subject<'_> {
    fn record(&self, action: Action, message: String, verdict: &Verdict) -> Record {
        let mut record = record(action, message);
        let mut file = at(&mut record, self.path);
        if let Some(stat) = self.stat {
            describe(&mut file, stat);
        }
        file.hash = self.sha256.map(|sha256| Hash { sha256: Some(sha256.to_owned()) });
        record.file = Some(file);
        record.event.duration = Some(nanoseconds(self.took));
        let mut rule = Rule { ruleset: Some(self.engine.1.to_owned()), ..Rule::default() };
        if let Verdict::Infected(name) = verdict {
            rule.name = Some(name.clone());
        }
        record.rule = Some(rule);
        record.own().scan = Some(Scan {
            verdict: Some(verdict.word().to_owned()),
            why: match verdict {
                Verdict::Unscanned(why) => Some(why.word().to_owned()),
                _ => None,
            },
            engine: Some(self.engine.0.to_owned()),
            queued: Some(nanoseconds(self.queued)),
            attempts: Some(self.attempts + 1),
            merged: (self.merged > 0).then_some(self.merged),
            open_writer: Some(self.writer),
            ..Scan::default()
        });
        record
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// A verdict that leaves the file where it is, and how it counts.
pub(crate) fn verdict(subject: &Subject<'_>, verdict: &Verdict) -> (Record, Outcome) {
    let shown = subject.shown();
    match verdict {
        Verdict::Clean => {
            let record = subject.record(Action::FileScanned, format!("{shown} is clean."), verdict);
            (record.about(Category::File, Type::Info).outcome(Outcome::Success), Outcome::Success)
        }
        Verdict::Infected(name) => {
            let record = subject.record(Action::FileInfected, format!("{shown} is infected: {name}."), verdict);
            let record = record.kind(Kind::Alert).about(Category::Malware, Type::Info).severity(Severity::High);
            (record.outcome(Outcome::Failure), Outcome::Failure)
        }
        Verdict::Unscanned(why) => {
            let record = subject.record(Action::FileUnscanned, format!("{shown} was not scanned."), verdict);
            let severity = if why.word() == "vanished" || why.word() == "special-file" {
                Severity::Informational
            } else {
                Severity::Medium
            };
            let record = record.about(Category::File, Type::Info).severity(severity).reason(why.sentence());
            (record.outcome(Outcome::Unknown), Outcome::Unknown)
        }
        Verdict::Error(text) => {
            let record = subject.record(Action::FileUnscanned, format!("{shown} could not be scanned."), verdict);
            let record = record.about(Category::File, Type::Error).severity(Severity::Medium);
            (record.reason(format!("the engine failed: {text}")).outcome(Outcome::Unknown), Outcome::Unknown)
        }
    }
}

/// A file that is detected, and allowed by its hash.
pub(crate) fn allowed(subject: &Subject<'_>, found: &Verdict, reason: &str) -> Record {
    let message = format!("{} is detected, and allowed by its hash.", subject.shown());
    let record = subject.record(Action::FileScanned, message, found).about(Category::File, Type::Allowed);
    record.severity(Severity::Low).outcome(Outcome::Success).reason(format!("allowed: {reason}"))
}

/// A file that was taken away: to the jail, or without a copy when the jail refused it.
pub(crate) fn taken(
    subject: &Subject<'_>,
    verdict: &Verdict,
    id: &str,
    removal: &Removal,
    refusal: Option<&Refusal>,
) -> Record {
    let what = match verdict {
        Verdict::Infected(name) => format!("was infected ({name})"),
        _ => "could not be scanned".to_owned(),
    };
    let shown = subject.shown();
    let mut record = match refusal {
        None => subject.record(Action::FileQuarantined, format!("{shown} {what} and is in the jail as {id}."), verdict),
        Some(_) => {
            subject.record(Action::FileNeutralised, format!("{shown} {what} and was removed without a copy."), verdict)
        }
    };
    let severity = if removal.is_done() && refusal.is_none() { Severity::High } else { Severity::Critical };
    let outcome = if removal.is_done() { Outcome::Success } else { Outcome::Failure };
    record = record.kind(Kind::Alert).about(Category::Malware, Type::Deletion).severity(severity).outcome(outcome);
    let mut reasons: Vec<String> = refusal.map(ToString::to_string).into_iter().collect();
    reasons.extend(removal.trouble.iter().cloned());
    if removal.other_links > 0 {
        reasons.push(format!("the inode has {} other name(s), emptied with it", removal.other_links));
    }
    if subject.writer {
        reasons.push("somebody had it open for writing".to_owned());
    }
    if !reasons.is_empty() {
        record = record.reason(reasons.join("; "));
    }
    if let Some(scan) = record.own().scan.as_mut() {
        scan.jail_id = Some(id.to_owned());
        scan.kept = Some(refusal.is_none());
        scan.removed = Some(removal.removed);
        scan.emptied = Some(removal.emptied);
        scan.tombstone = Some(removal.tombstone);
        scan.other_links = Some(removal.other_links);
    }
    record
}

/// A set-id bit was taken off, or could not be.
pub(crate) fn set_id(path: &Path, before: &Stat, result: Result<(), Errno>) -> Record {
    let shown = path.display();
    let mode = before.st_mode & 0o7777;
    let message = match result {
        Ok(()) => format!("{shown} had mode {mode:04o}; its set-id bits are off now."),
        Err(_) => format!("{shown} has mode {mode:04o}, and its set-id bits could not be taken off."),
    };
    let mut record = record(Action::SetIdStripped, message);
    let mut file = at(&mut record, path);
    describe(&mut file, before);
    record.file = Some(file);
    record = record.kind(Kind::Alert).about(Category::File, Type::Change);
    match result {
        Ok(()) => record.severity(Severity::Medium).outcome(Outcome::Success),
        Err(error) => record.severity(Severity::Critical).outcome(Outcome::Failure).reason(error.to_string()),
    }
}

/// The warden begins to watch a share.
pub(crate) fn started(share: &Path, jail: &Path) -> Record {
    let message = format!("Watching {}; what is found goes to {}.", share.display(), jail.display());
    let mut record = record(Action::WatchStarted, message).about(Category::Process, Type::Start);
    let file = at(&mut record, share);
    record.file = Some(file);
    record
}

/// Changes came too fast and were dropped, so the share is walked again.
pub(crate) fn overflowed(share: &Path) -> Record {
    record(
        Action::QueueOverflowed,
        format!("Changes in {} came faster than they could be noted: all of it is walked again.", share.display()),
    )
    .about(Category::Process, Type::Info)
    .severity(Severity::Low)
}

/// The kernel gives no more watches: folders without one are found by walking.
pub(crate) fn watches_exhausted(watched: usize, interval: Duration) -> Record {
    record(
        Action::WatchesExhausted,
        format!(
            "The kernel gives no more watches after {watched}: what is not watched is found by walking, every {} s.",
            interval.as_secs()
        ),
    )
    .kind(Kind::Alert)
    .about(Category::Process, Type::Error)
    .severity(Severity::Medium)
    .reason("fs.inotify.max_user_watches is exhausted, or the paths of the folders take too much memory; as root, --source fanotify takes no watches")
}

/// A folder that could not be walked.
pub(crate) fn unread(path: &Path, error: Errno) -> Record {
    let mut record = record(
        Action::DirectoryUnread,
        format!("{} could not be walked; what is in it is not scanned.", path.display()),
    );
    let file = at(&mut record, path);
    record.file = Some(file);
    record
        .kind(Kind::Alert)
        .about(Category::File, Type::Error)
        .severity(Severity::High)
        .outcome(Outcome::Unknown)
        .reason(error.to_string())
}

/// A walk of everything ended.
pub(crate) fn walked(share: &Path, scan: Scan, took: Duration) -> Record {
    let seen = scan.seen.unwrap_or(0);
    let queued = scan.queued_files.unwrap_or(0);
    let message = format!("Walked {}: {seen} files, {queued} of them to be scanned.", share.display());
    let mut record = record(Action::RescanFinished, message).kind(Kind::Metric).about(Category::Process, Type::Info);
    record.event.duration = Some(nanoseconds(took));
    record.own().scan = Some(scan);
    record
}

/// `file.path`, and the exact bytes where it is no UTF-8.
fn at(record: &mut Record, path: &Path) -> File {
    let bytes = path.as_os_str().as_bytes();
    if std::str::from_utf8(bytes).is_err() {
        record.own().path_base64 = Some(base64(bytes));
    }
    File::at(path)
}

pub(crate) mod evidence;
mod jail;
mod scanner;

pub(crate) use jail::{
    entry, hash_allowed, no_facts, part, purged, recovered, remains_emptied, remains_given_up, restore_refused,
    restored, undone, verified,
};
pub(crate) use scanner::{
    backlog, own_signatures, scanner_degraded, scanner_unavailable, scanner_up, signatures_changed,
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn subject(path: &Path) -> Subject<'_> {
        Subject {
            path,
            stat: None,
            sha256: Some("00"),
            engine: ("ClamAV 1.4.6/27500/x", "clamav 27500"),
            queued: Duration::from_millis(2),
            took: Duration::from_millis(3),
            attempts: 0,
            merged: 0,
            writer: false,
        }
    }

    #[test]
    fn a_name_that_is_no_utf8_keeps_its_exact_bytes() {
        let odd = Path::new(OsStr::from_bytes(b"/share/\xff\n"));
        let (record, _) = verdict(&subject(odd), &Verdict::Clean);
        assert_eq!(record.file.unwrap().path.unwrap(), "/share/\u{fffd}\n");
        assert_eq!(record.cellblock.unwrap().path_base64.unwrap(), base64(b"/share/\xff\n"));
        let (record, _) = verdict(&subject(Path::new("/share/plain")), &Verdict::Clean);
        assert_eq!(record.cellblock.unwrap().path_base64, None);
    }

    #[test]
    fn a_scan_tells_how_many_further_changes_it_stands_for() {
        let told = |merged| {
            let subject = Subject { merged, ..subject(Path::new("/s/log")) };
            verdict(&subject, &Verdict::Clean).0.cellblock.unwrap().scan.unwrap().merged
        };
        assert_eq!((told(0), told(199)), (None, Some(199)));
    }

    #[test]
    fn what_is_not_out_of_reach_is_a_failure_and_critical() {
        let removal = Removal { removed: true, other_links: 1, ..Removal::default() };
        let found = Verdict::Infected("Eicar".to_owned());
        let record = taken(&subject(Path::new("/s/x")), &found, "id", &removal, None);
        assert_eq!((record.event.outcome, record.event.severity), (Some(Outcome::Failure), Severity::Critical));
        let removal = Removal { removed: true, emptied: true, other_links: 1, ..Removal::default() };
        let record = taken(&subject(Path::new("/s/x")), &found, "id", &removal, None);
        assert_eq!((record.event.outcome, record.event.severity), (Some(Outcome::Success), Severity::High));
        assert_eq!(record.rule.unwrap().name.unwrap(), "Eicar");
    }

    #[test]
    fn what_was_not_scanned_is_never_a_pass() {
        use crate::clamd::verdict::Why;
        for unknown in [Verdict::Unscanned(Why::TooLarge(1)), Verdict::Error("x".to_owned())] {
            let (record, counted) = verdict(&subject(Path::new("/s/x")), &unknown);
            assert_eq!((record.event.outcome, counted), (Some(Outcome::Unknown), Outcome::Unknown));
            assert!(record.event.reason.is_some());
        }
    }
}
