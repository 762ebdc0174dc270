//! What all lanes share: the queue, the memory, the engine, the jail and the record.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use policy::Warden;
use record::{Outcome, Record};

use crate::clamd::Broken;
use crate::engine::Engine;
use crate::first_sight::FirstSights;
use crate::jail::Jail;
use crate::known::Known;
use crate::patience::Patience;
use crate::queue::Queue;
use crate::stamp::Identity;
use crate::stop::Stop;
use crate::tell;
use crate::voice::Voice;

/// The most temporary files whose first sight is remembered.
const TEMPORARY_FILES: usize = 65_536;

/// What becomes of files.
#[derive(Debug)]
pub(crate) enum Duty {
    /// `watch`: what is found goes to the jail, temporary names are deferred.
    Guard(Jail),
    /// `scan`: what is found is told, nothing is touched.
    Look,
}

/// What of the command line concerns all lanes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The most files that wait.
    pub(crate) capacity: usize,
    /// Clean files get no line.
    pub(crate) quiet_clean: bool,
    /// What changed before that is passed over: nanoseconds since 1970.
    pub(crate) changed_since: Option<i64>,
}

/// What was taken away, and is not empty yet.
#[derive(Debug)]
pub(crate) struct Remains {
    /// The inode, until somebody sees to it.
    pub(crate) file: Option<OwnedFd>,
    /// Where it was.
    pub(crate) path: PathBuf,
    /// The id of its entry in the jail, or of its record.
    pub(crate) id: String,
}

/// The most remains that wait for somebody to see to them.
const REMAINS: usize = 256;

/// The shared part of a run.
#[derive(Debug)]
pub(crate) struct Court {
    /// The policy's settings.
    pub(crate) warden: Warden,
    /// What becomes of files.
    pub(crate) duty: Duty,
    /// What is to be scanned.
    pub(crate) queue: Queue,
    /// The engine.
    pub(crate) engine: Engine,
    /// Where records go.
    pub(crate) voice: Voice,
    /// The end of the run.
    pub(crate) stop: Stop,
    /// Clean files are counted, and get no line.
    pub(crate) quiet_clean: bool,
    /// What changed before that is passed over: nanoseconds since 1970.
    pub(crate) changed_since: Option<i64>,
    /// Opens that have to wait.
    pub(crate) patience: Patience,
    /// What could not be emptied at once.
    pub(crate) remains: (Sender<Remains>, Receiver<Remains>),
    /// Lanes with nothing to do.
    idle: AtomicUsize,
    known: Mutex<Known>,
    firsts: Mutex<FirstSights>,
    custody: Mutex<HashSet<Identity>>,
}

impl Court {
    /// Brings the parts together.
    pub(crate) fn new(
        warden: Warden,
        duty: Duty,
        engine: Engine,
        voice: Voice,
        options: Options,
    ) -> anyhow::Result<Self> {
        let Options { capacity, quiet_clean, changed_since } = options;
        Ok(Self {
            quiet_clean,
            changed_since,
            custody: Mutex::default(),
            warden,
            duty,
            queue: Queue::new(capacity)?,
            engine,
            voice,
            stop: Stop::new()?,
            patience: Patience::default(),
            remains: bounded(REMAINS),
            idle: AtomicUsize::new(0),
            known: Mutex::default(),
            firsts: Mutex::new(FirstSights::new(TEMPORARY_FILES)),
        })
    }

    /// What has been scanned.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When temporary files were first seen.
    pub(crate) fn firsts(&self) -> MutexGuard<'_, FirstSights> {
        self.firsts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a file into custody, so that two lanes never jail the same inode. `false` when another has it.
    pub(crate) fn take_custody(&self, identity: Identity) -> bool {
        self.custody.lock().unwrap_or_else(PoisonError::into_inner).insert(identity)
    }

    /// Gives it free again.
    pub(crate) fn end_custody(&self, identity: Identity) {
        self.custody.lock().unwrap_or_else(PoisonError::into_inner).remove(&identity);
    }

    /// What could not be emptied at once is seen to until it is; `id` is that of its entry or its record.
    pub(crate) fn see_to(&self, file: &OwnedFd, path: PathBuf, id: &str) {
        let remains = Remains { file: file.try_clone().ok(), path, id: id.to_owned() };
        if let Err(lost) = self.remains.0.try_send(remains) {
            self.tell(&tell::remains_given_up(&lost.into_inner()));
        }
    }

    /// Runs something while the lane that calls counts as one with nothing to do.
    pub(crate) fn idling<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.idle.fetch_add(1, Ordering::SeqCst);
        let result = wait();
        self.idle.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// Has some lane nothing to do?
    pub(crate) fn has_idle_lane(&self) -> bool {
        self.idle.load(Ordering::SeqCst) > 0
    }

    /// Prints a record that is no check.
    pub(crate) fn tell(&self, record: &Record) {
        self.voice.tell(record, None, &self.stop);
    }

    /// Prints a record of a file that was judged, and counts it. Says whether it was written.
    pub(crate) fn check(&self, record: &Record, counted: Outcome) -> bool {
        self.voice.tell(record, Some(counted), &self.stop)
    }

    /// The engine does not answer: told once. Who only looks has nothing to wait for, and ends.
    pub(crate) fn engine_lost(&self, error: &Broken) {
        if !self.engine.lost() {
            return;
        }
        self.tell(&tell::scanner_unavailable(&self.engine.shown(), &error.to_string(), self.queue.backlog()));
        if matches!(self.duty, Duty::Look) {
            let lost = anyhow::anyhow!(
                "{error}; the scan is not complete. Start clamd at {} and scan again",
                self.engine.shown()
            );
            self.voice.fail(lost, &self.stop);
            self.queue.stop();
        }
    }
}
