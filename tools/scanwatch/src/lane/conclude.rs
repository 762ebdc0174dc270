//! From the engine's answer to what becomes of the file.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use policy::OnUnscanned;
use record::Outcome;
use rustix::fs::{Stat, fstat};
use uuid::Uuid;

use super::{Flight, Lane, MAX_ATTEMPTS, SCAN_TIMEOUT};
use crate::clamd::{Answer, Broken, Session};
use crate::court::{Court, Duty};
use crate::examine::Held;
use crate::failpoint::{Step, reached};
use crate::jail::{Copied, Jail, Refusal, Tombstone};
use crate::quarantine::{Grounds, Sentence, found, jail, mark, neutralise};
use crate::queue::Task;
use crate::stamp::Stamp;
use crate::tell::{self, Case};
use crate::verdict::{Verdict, Why, judge};

/// What a verdict rests on, beside the file itself.
struct Hearing<'h> {
    task: &'h Task,
    began: Instant,
    wall: SystemTime,
    epoch: u32,
    sha256: Option<&'h str>,
}

impl Hearing<'_> {
    fn path(&self) -> PathBuf {
        self.task.place.shown(&self.task.below)
    }
}

impl Lane<'_> {
    /// The engine answered.
    pub(super) fn conclude(&mut self, flight: Flight, answer: Answer) {
        let Flight { mut task, held, began, wall, epoch, sha256 } = flight;
        let mut verdict = judge(answer);
        let changed = fstat(&held.file).map_or(true, |stat| Stamp::from(&stat) != Stamp::from(&held.stat));
        if changed && !matches!(verdict, Verdict::Infected(_)) {
            task.attempts += 1;
            if task.attempts < MAX_ATTEMPTS {
                let pause = Duration::from_millis(100 << task.attempts);
                // Not in flight with what the engine died of: it is only busy.
                return self.court.queue.push_at(Task { attempts: task.attempts, ..task }, Instant::now() + pause);
            }
            verdict = Verdict::Unscanned(Why::Changed);
        }
        let hearing = Hearing { task: &task, began, wall, epoch, sha256: sha256.as_deref() };
        // With a writer about, what was hashed need not be what was scanned.
        let certain = !changed && !held.writer && !lease::has_writer(&held.file).unwrap_or(false);
        if let Some(reason) = allowed(self.court, &hearing, certain, &verdict) {
            return self.acquit(&hearing, &held, &verdict, &reason);
        }
        self.pronounce(&hearing, Some(&held), None, &verdict);
    }

    /// Detected, and left alone: somebody has allowed this very content.
    fn acquit(&self, hearing: &Hearing<'_>, held: &Held, found: &Verdict, reason: &str) {
        remember(self.court, hearing, Some(held), &held.stat, &Verdict::Clean);
        with_case(self.court, hearing, Some(held), None, |case| {
            self.court.check(&tell::allowed(case, found, reason), Outcome::Success);
        });
    }

    /// A verdict that needed no scan.
    pub(super) fn judged(&mut self, task: &Task, held: Option<&Held>, stat: Option<&Stat>, verdict: &Verdict) {
        let epoch = self.court.known().epoch();
        let hearing = Hearing { task, began: Instant::now(), wall: SystemTime::now(), epoch, sha256: None };
        self.pronounce(&hearing, held, stat, verdict);
    }

    fn pronounce(&mut self, hearing: &Hearing<'_>, held: Option<&Held>, stat: Option<&Stat>, verdict: &Verdict) {
        let court = self.court;
        if let (Duty::Guard(jail), Some(held)) = (&court.duty, held)
            && deserves_jail(court, verdict)
        {
            return self.arrest(hearing, jail, held, verdict);
        }
        if let Some(stat) = held.map(|held| &held.stat).or(stat) {
            remember(court, hearing, held, stat, verdict);
        }
        if court.quiet_clean && *verdict == Verdict::Clean {
            return court.voice.count(Outcome::Success);
        }
        with_case(court, hearing, held, stat, |case| {
            let (record, counted) = tell::verdict(case, verdict);
            court.check(&record, counted);
        });
    }

    fn arrest(&mut self, hearing: &Hearing<'_>, jail: &Jail, held: &Held, verdict: &Verdict) {
        let identity = Stamp::from(&held.stat).identity;
        if !self.court.take_custody(identity) {
            // Another lane has it, found under another name or by another event.
            return self.court.queue.push_at(hearing.task.clone(), Instant::now() + Duration::from_millis(100));
        }
        self.court.known().forget(identity);
        self.sentence(hearing, jail, held, verdict);
        self.court.end_custody(identity);
    }

    fn sentence(&mut self, hearing: &Hearing<'_>, cell: &Jail, held: &Held, verdict: &Verdict) {
        let court = self.court;
        let (engine, _) = court.engine.names();
        let grounds = Grounds { task: hearing.task, verdict, engine: &engine };
        // A file that is another each time we look was infected at least once.
        let certain = matches!(verdict, Verdict::Unscanned(_)) || hearing.task.attempts + 1 >= MAX_ATTEMPTS;
        let outcome = jail(cell, held, grounds, |copied| if certain { Ok(true) } else { self.confirm(copied) });
        match outcome {
            Sentence::Jailed(copied, deed) => {
                if !deed.emptied {
                    court.see_to(&held.file, hearing.path(), &copied.id);
                }
                let written = with_case(court, hearing, Some(held), None, |case| {
                    let case = Case { sha256: Some(&copied.sha256), ..case.clone() };
                    court.check(&tell::taken(&case, verdict, &copied.id, &deed, None), Outcome::Failure)
                });
                reached(Step::Told);
                // Not told is not done: the next start tells it.
                if written && let Err(error) = cell.settle(&copied.id) {
                    eprintln!("scanwatch: the entry {} in the jail could not be completed: {error}", copied.id);
                }
            }
            Sentence::NoRoom(refusal) => without_copy(court, hearing, held, verdict, &refusal),
            Sentence::Changed => {
                let task = Task { attempts: hearing.task.attempts + 1, ..hearing.task.clone() };
                court.queue.push_at(task, Instant::now() + Duration::from_millis(50));
            }
            Sentence::EngineLost(broken) => {
                court.queue.put_back(hearing.task.clone());
                self.second = None;
                if let Err(broken) = court.engine.connect() {
                    court.engine_lost(&broken);
                } else {
                    eprintln!("scanwatch: a copy in the jail was not judged: {broken}; the file is scanned again");
                }
            }
        }
    }

    /// Does the copy deserve the jail like the original? On a session of its own, made anew when clamd
    /// has ended the last one.
    fn confirm(&mut self, copied: &Copied) -> Result<bool, Broken> {
        if let Some(mut session) = self.second.take()
            && let Ok(answer) = ask(&mut session, copied)
        {
            self.second = Some(session);
            return Ok(matches!(judge(answer), Verdict::Infected(_)));
        }
        let mut session = self.court.engine.connect()?;
        let answer = ask(&mut session, copied)?;
        self.second = Some(session);
        Ok(matches!(judge(answer), Verdict::Infected(_)))
    }
}

/// Why an infected file is allowed all the same, where it is: by the hash of what was scanned, which has
/// not changed since.
fn allowed(court: &Court, hearing: &Hearing<'_>, certain: bool, verdict: &Verdict) -> Option<String> {
    match (&court.duty, verdict, hearing.sha256) {
        (Duty::Guard(jail), Verdict::Infected(_), Some(sha256)) if certain => jail.allows(sha256),
        _ => None,
    }
}

fn ask(session: &mut Session, copied: &Copied) -> Result<Answer, Broken> {
    let id = session.submit(copied.file.as_fd(), copied.size)?;
    session.answer(id, SCAN_TIMEOUT)
}

fn deserves_jail(court: &Court, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Infected(_) => true,
        Verdict::Unscanned(_) => court.warden.on_unscanned == OnUnscanned::Quarantine,
        Verdict::Clean | Verdict::Error(_) => false,
    }
}

/// Notes the verdict for this state, where the state can be told from a later one: nobody is writing,
/// and its ctime is not as fresh as the scan.
fn remember(court: &Court, hearing: &Hearing<'_>, held: Option<&Held>, stat: &Stat, verdict: &Verdict) {
    let lasting = match verdict {
        Verdict::Clean => true,
        Verdict::Unscanned(why) => why.is_lasting(),
        Verdict::Infected(_) | Verdict::Error(_) => false,
    };
    let stamp = Stamp::from(stat);
    let written = held.is_some_and(|held| held.writer || lease::has_writer(&held.file).unwrap_or(false));
    if lasting && !written && stamp.is_settled(hearing.wall) {
        court.known().learn(&stamp, hearing.epoch);
    }
}

/// The jail is full or broken: what was found goes all the same, and that is told first, because from
/// here on there is no copy to tell of it.
fn without_copy(court: &Court, hearing: &Hearing<'_>, held: &Held, verdict: &Verdict, refusal: &Refusal) {
    let id = Uuid::now_v7().to_string();
    with_case(court, hearing, Some(held), None, |case| {
        court.tell(&tell::verdict(case, verdict).0);
        let mut deed = neutralise(held);
        let when = format!("{:.6}", Timestamp::now());
        let found = found(verdict);
        if !deed.emptied {
            court.see_to(&held.file, hearing.path(), &id);
        }
        let sha256 = hearing.sha256.unwrap_or("unknown");
        mark(&held.spot, &mut deed, &Tombstone { id: &id, when: &when, found: &found, sha256, kept: false });
        court.check(&tell::taken(case, verdict, &id, &deed, Some(refusal)), Outcome::Failure)
    });
}

fn with_case<T>(
    court: &Court,
    hearing: &Hearing<'_>,
    held: Option<&Held>,
    stat: Option<&Stat>,
    tell: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let (engine, ruleset) = court.engine.names();
    let path = hearing.path();
    tell(&Case {
        path: &path,
        stat: held.map(|held| &held.stat).or(stat),
        sha256: hearing.sha256,
        engine: (&engine, &ruleset),
        queued: hearing.began.saturating_duration_since(hearing.task.seen),
        took: hearing.began.elapsed(),
        attempts: hearing.task.attempts,
        writer: held.is_some_and(|held| held.writer),
    })
}
