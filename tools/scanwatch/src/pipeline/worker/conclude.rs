//! From the engine's answer to what becomes of the file.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use policy::OnUnscanned;
use record::Outcome;
use rustix::fs::{Stat, fstat};
use uuid::Uuid;

use super::{Flight, MAX_ATTEMPTS, SCAN_TIMEOUT, Worker};
use crate::clamd::verdict::{Verdict, Why, judge};
use crate::clamd::{Answer, Broken, Session};
use crate::failpoint::{Step, reached};
use crate::jail::quarantine::{Grounds, QuarantineEnd, found, jail, mark, neutralise};
use crate::jail::{Copied, Jail, Refusal, Tombstone};
use crate::pipeline::shared::{OnFound, Shared};
use crate::queue::Task;
use crate::records::{self, Subject};
use crate::share::file_state::Stamp;
use crate::share::open_file::OpenFile;

/// What a verdict rests on, beside the file itself.
struct Basis<'b> {
    task: &'b Task,
    began: Instant,
    wall: SystemTime,
    epoch: u32,
    sha256: Option<&'b str>,
}

impl Basis<'_> {
    fn path(&self) -> PathBuf {
        self.task.root.shown(&self.task.below)
    }
}

impl Worker<'_> {
    /// Acts on the engine's answer. A file that changed meanwhile is scanned again.
    pub(super) fn conclude(&mut self, flight: Flight, answer: Answer) {
        let Flight { mut task, held, began, wall, epoch, sha256, flying } = flight;
        drop(flying);
        self.shared.scan_pauses().end(&held.stat, began, Instant::now());
        let mut verdict = judge(answer);
        let changed = fstat(&held.file).map_or(true, |stat| Stamp::from(&stat) != Stamp::from(&held.stat));
        if changed && !matches!(verdict, Verdict::Infected(_)) {
            task.attempts += 1;
            if task.attempts < MAX_ATTEMPTS {
                let pause = Duration::from_millis(100 << task.attempts);
                // Not in flight with what the engine died of: it is only busy.
                return self.shared.queue.push_at(Task { attempts: task.attempts, ..task }, Instant::now() + pause);
            }
            verdict = Verdict::Unscanned(Why::Changed);
        }
        let basis = Basis { task: &task, began, wall, epoch, sha256: sha256.as_deref() };
        // With a writer about, what was hashed need not be what was scanned.
        let certain = !changed && !held.writer && !lease::has_writer(&held.file).unwrap_or(false);
        if let Some(reason) = allowed(self.shared, &basis, certain, &verdict) {
            return self.report_allowed(&basis, &held, &verdict, &reason);
        }
        self.act_on(&basis, Some(&held), None, &verdict);
    }

    /// Detected, and left alone: somebody has allowed this very content.
    fn report_allowed(&self, basis: &Basis<'_>, held: &OpenFile, found: &Verdict, reason: &str) {
        remember(self.shared, basis, Some(held), &held.stat, &Verdict::Clean);
        with_subject(self.shared, basis, Some(held), None, |subject| {
            self.shared.check(&records::allowed(subject, found, reason), Outcome::Success);
        });
    }

    /// A verdict that needed no scan.
    pub(super) fn unscanned(&mut self, task: &Task, held: Option<&OpenFile>, stat: Option<&Stat>, verdict: &Verdict) {
        let epoch = self.shared.scan_cache().epoch();
        let basis = Basis { task, began: Instant::now(), wall: SystemTime::now(), epoch, sha256: None };
        self.act_on(&basis, held, stat, verdict);
    }

    fn act_on(&mut self, basis: &Basis<'_>, held: Option<&OpenFile>, stat: Option<&Stat>, verdict: &Verdict) {
        let shared = self.shared;
        if let (OnFound::Quarantine(jail), Some(held)) = (&shared.on_found, held)
            && deserves_jail(shared, verdict)
        {
            return self.quarantine(basis, jail, held, verdict);
        }
        if let Some(stat) = held.map(|held| &held.stat).or(stat) {
            remember(shared, basis, held, stat, verdict);
        }
        if shared.quiet_clean && *verdict == Verdict::Clean {
            return shared.output.count(Outcome::Success);
        }
        with_subject(shared, basis, held, stat, |subject| {
            let (record, counted) = records::verdict(subject, verdict);
            shared.check(&record, counted);
        });
    }

    fn quarantine(&mut self, basis: &Basis<'_>, jail: &Jail, held: &OpenFile, verdict: &Verdict) {
        let identity = Stamp::from(&held.stat).identity;
        if !self.shared.claim(identity) {
            // Another worker has it, found under another name or by another event.
            return self.shared.queue.push_at(basis.task.clone(), Instant::now() + Duration::from_millis(100));
        }
        self.shared.scan_cache().forget(identity);
        self.jail_once(basis, jail, held, verdict);
        self.shared.release(identity);
    }

    fn jail_once(&mut self, basis: &Basis<'_>, cell: &Jail, held: &OpenFile, verdict: &Verdict) {
        let shared = self.shared;
        let (engine, _) = shared.engine.names();
        let grounds = Grounds { task: basis.task, verdict, engine: &engine };
        // A file that is another each time we look was infected at least once.
        let certain = matches!(verdict, Verdict::Unscanned(_)) || basis.task.attempts + 1 >= MAX_ATTEMPTS;
        let outcome = jail(cell, held, grounds, |copied| if certain { Ok(true) } else { self.confirm(copied) });
        match outcome {
            QuarantineEnd::Jailed(copied, removal) => {
                if !removal.emptied {
                    shared.watch_until_empty(&held.file, basis.path(), &copied.id);
                }
                let written = with_subject(shared, basis, Some(held), None, |subject| {
                    let subject = Subject { sha256: Some(&copied.sha256), ..subject.clone() };
                    shared.check(&records::taken(&subject, verdict, &copied.id, &removal, None), Outcome::Failure)
                });
                reached(Step::Told);
                // Not told is not done: the next start tells it.
                if written && let Err(error) = cell.settle(&copied.id) {
                    eprintln!("scanwatch: the entry {} in the jail could not be completed: {error}", copied.id);
                }
            }
            QuarantineEnd::NoRoom(refusal) => without_copy(shared, basis, held, verdict, &refusal),
            QuarantineEnd::Changed => {
                let task = Task { attempts: basis.task.attempts + 1, ..basis.task.clone() };
                shared.queue.push_at(task, Instant::now() + Duration::from_millis(50));
            }
            QuarantineEnd::EngineLost(broken) => {
                shared.queue.put_back(basis.task.clone());
                self.second = None;
                if let Err(broken) = shared.engine.connect() {
                    shared.engine_lost(&broken);
                } else {
                    eprintln!("scanwatch: a copy in the jail was not judged: {broken}; the file is scanned again");
                }
            }
        }
    }

    /// Does the copy deserve the jail like the original? On a session of its own, made anew when clamd
    /// has ended the last one.
    fn confirm(&mut self, copied: &Copied) -> Result<bool, Broken> {
        let _flying = self.shared.in_flight.begin_concurrent();
        if let Some(mut session) = self.second.take()
            && let Ok(answer) = ask(&mut session, copied)
        {
            self.second = Some(session);
            return Ok(matches!(judge(answer), Verdict::Infected(_)));
        }
        let mut session = self.shared.engine.connect()?;
        let answer = ask(&mut session, copied)?;
        self.second = Some(session);
        Ok(matches!(judge(answer), Verdict::Infected(_)))
    }
}

/// Why an infected file is allowed all the same, where it is: by the hash of what was scanned, which has
/// not changed since.
fn allowed(shared: &Shared, basis: &Basis<'_>, certain: bool, verdict: &Verdict) -> Option<String> {
    match (&shared.on_found, verdict, basis.sha256) {
        (OnFound::Quarantine(jail), Verdict::Infected(_), Some(sha256)) if certain => jail.allows(sha256),
        _ => None,
    }
}

fn ask(session: &mut Session, copied: &Copied) -> Result<Answer, Broken> {
    let id = session.submit(copied.file.as_fd(), copied.size)?;
    session.answer(id, SCAN_TIMEOUT)
}

fn deserves_jail(shared: &Shared, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Infected(_) => true,
        Verdict::Unscanned(_) => shared.warden.on_unscanned == OnUnscanned::Quarantine,
        Verdict::Clean | Verdict::Error(_) => false,
    }
}

/// Notes the verdict for this state, where the state can be told from a later one: nobody is writing,
/// and its ctime is not as fresh as the scan.
fn remember(shared: &Shared, basis: &Basis<'_>, held: Option<&OpenFile>, stat: &Stat, verdict: &Verdict) {
    let lasting = match verdict {
        Verdict::Clean => true,
        Verdict::Unscanned(why) => why.is_lasting(),
        Verdict::Infected(_) | Verdict::Error(_) => false,
    };
    let stamp = Stamp::from(stat);
    let written = held.is_some_and(|held| held.writer || lease::has_writer(&held.file).unwrap_or(false));
    if lasting && !written && stamp.is_settled(basis.wall) {
        shared.scan_cache().learn(&stamp, basis.epoch);
    }
}

/// The jail is full or broken: what was found goes all the same. That is told first, because from here on there is no
/// copy to tell of it.
fn without_copy(shared: &Shared, basis: &Basis<'_>, held: &OpenFile, verdict: &Verdict, refusal: &Refusal) {
    let id = Uuid::now_v7().to_string();
    with_subject(shared, basis, Some(held), None, |subject| {
        shared.report(&records::verdict(subject, verdict).0);
        let mut removal = neutralise(held);
        let when = format!("{:.6}", Timestamp::now());
        let found = found(verdict);
        if !removal.emptied {
            shared.watch_until_empty(&held.file, basis.path(), &id);
        }
        let sha256 = basis.sha256.unwrap_or("unknown");
        mark(&held.spot, &mut removal, &Tombstone { id: &id, when: &when, found: &found, sha256, kept: false });
        shared.check(&records::taken(subject, verdict, &id, &removal, Some(refusal)), Outcome::Failure)
    });
}

fn with_subject<T>(
    shared: &Shared,
    basis: &Basis<'_>,
    held: Option<&OpenFile>,
    stat: Option<&Stat>,
    then: impl FnOnce(&Subject<'_>) -> T,
) -> T {
    let (engine, ruleset) = shared.engine.names();
    let path = basis.path();
    then(&Subject {
        path: &path,
        stat: held.map(|held| &held.stat).or(stat),
        sha256: basis.sha256,
        engine: (&engine, &ruleset),
        queued: basis.began.saturating_duration_since(basis.task.seen),
        took: basis.began.elapsed(),
        attempts: basis.task.attempts,
        merged: basis.task.merged,
        writer: held.is_some_and(|held| held.writer),
    })
}
