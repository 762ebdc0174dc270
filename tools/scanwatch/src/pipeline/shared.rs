//! What all workers share: the queue, the memory, the engine, the jail and the record.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use policy::Warden;
use record::{Outcome, Record};

use crate::clamd::Broken;
use crate::clamd::engine::Engine;
use crate::jail::Jail;
use crate::jail::removal::Remains;
use crate::pipeline::engine_crashes::Crashes;
use crate::pipeline::first_sight::FirstSights;
use crate::pipeline::in_flight::InFlight;
use crate::pipeline::output::Output;
use crate::pipeline::scan_cache::ScanCache;
use crate::pipeline::scan_pause::ScanPauses;
use crate::queue::Queue;
use crate::records;
use crate::share::blocking_open::BlockingOpens;
use crate::share::file_state::Identity;
use crate::stop::Stop;

/// The most temporary files whose first sight is remembered.
const TEMPORARY_FILES: usize = 65_536;

/// What the warden does with a file that the engine condemns.
#[derive(Debug)]
pub(crate) enum OnFound {
    /// `watch`: what is found goes to the jail, temporary names are deferred.
    Quarantine(Jail),
    /// `scan`: reports what it finds, and touches nothing.
    Report,
}

/// Options of the command line for all workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The most files that wait.
    pub(crate) capacity: usize,
    /// Clean files get no line.
    pub(crate) quiet_clean: bool,
    /// What changed before that is passed over: nanoseconds since 1970.
    pub(crate) changed_since: Option<i64>,
}

/// The most files that wait to be emptied.
const REMAINS: usize = 256;

/// The shared part of a run.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The section `[warden]` of the policy.
    pub(crate) warden: Warden,
    /// What becomes of files.
    pub(crate) on_found: OnFound,
    /// What is to be scanned.
    pub(crate) queue: Queue,
    /// clamd: where it is, and whether it answers.
    pub(crate) engine: Engine,
    /// The one output of all threads.
    pub(crate) output: Output,
    /// The end of the run.
    pub(crate) stop: Stop,
    /// Clean files are counted, and get no line.
    pub(crate) quiet_clean: bool,
    /// What changed before that is passed over: nanoseconds since 1970.
    pub(crate) changed_since: Option<i64>,
    /// Opens that have to wait.
    pub(crate) blocking_opens: BlockingOpens,
    /// What could not be emptied at once.
    pub(crate) remains: (Sender<Remains>, Receiver<Remains>),
    /// Workers with nothing to do.
    idle: AtomicUsize,
    scan_cache: Mutex<ScanCache>,
    first_sights: Mutex<FirstSights>,
    scan_pauses: Mutex<ScanPauses>,
    claimed: Mutex<HashSet<Identity>>,
    crashes: Mutex<Crashes>,
    /// What is in the engine's hands.
    pub(crate) in_flight: InFlight,
}

impl Shared {
    /// Brings the parts together.
    pub(crate) fn new(
        warden: Warden,
        on_found: OnFound,
        engine: Engine,
        output: Output,
        options: Options,
    ) -> anyhow::Result<Self> {
        let Options { capacity, quiet_clean, changed_since } = options;
        Ok(Self {
            quiet_clean,
            changed_since,
            claimed: Mutex::default(),
            scan_pauses: Mutex::new(ScanPauses::new(warden.max_defer)),
            crashes: Mutex::default(),
            in_flight: InFlight::default(),
            warden,
            on_found,
            queue: Queue::new(capacity)?,
            engine,
            output,
            stop: Stop::new()?,
            blocking_opens: BlockingOpens::default(),
            remains: bounded(REMAINS),
            idle: AtomicUsize::new(0),
            scan_cache: Mutex::default(),
            first_sights: Mutex::new(FirstSights::new(TEMPORARY_FILES)),
        })
    }

    /// What has been scanned.
    pub(crate) fn scan_cache(&self) -> MutexGuard<'_, ScanCache> {
        self.scan_cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When temporary files were first seen.
    pub(crate) fn first_sights(&self) -> MutexGuard<'_, FirstSights> {
        self.first_sights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When large files were last scanned.
    pub(crate) fn scan_pauses(&self) -> MutexGuard<'_, ScanPauses> {
        self.scan_pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine died of.
    pub(crate) fn crashes(&self) -> MutexGuard<'_, Crashes> {
        self.crashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims a file, so that two workers never jail the same inode. `false` when another has it.
    pub(crate) fn claim(&self, identity: Identity) -> bool {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(identity)
    }

    /// Lets other workers have the inode again.
    pub(crate) fn release(&self, identity: Identity) {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&identity);
    }

    /// Has what could not be emptied at once retried until the original file is empty. `id` is that of its entry in the
    /// jail, or of its record.
    pub(crate) fn watch_until_empty(&self, file: &OwnedFd, path: PathBuf, id: &str) {
        let remains = Remains { file: file.try_clone().ok(), path, id: id.to_owned() };
        if let Err(lost) = self.remains.0.try_send(remains) {
            self.report(&records::remains_given_up(&lost.into_inner()));
        }
    }

    /// Runs something while the worker that calls counts as one with nothing to do.
    pub(crate) fn idling<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.idle.fetch_add(1, Ordering::SeqCst);
        let result = wait();
        self.idle.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// Has some worker nothing to do?
    pub(crate) fn has_idle_worker(&self) -> bool {
        self.idle.load(Ordering::SeqCst) > 0
    }

    /// Prints a record that is no check.
    pub(crate) fn report(&self, record: &Record) {
        self.output.write(record, None, &self.stop);
    }

    /// Prints a record of a file that was judged, and counts it. Says whether it was written.
    pub(crate) fn check(&self, record: &Record, counted: Outcome) -> bool {
        self.output.write(record, Some(counted), &self.stop)
    }

    /// The engine does not answer: told once. Who only looks has nothing to wait for, and ends.
    pub(crate) fn engine_lost(&self, error: &Broken) {
        if !self.engine.lost() {
            return;
        }
        self.report(&records::scanner_unavailable(&self.engine.shown(), &error.to_string(), self.queue.backlog()));
        if matches!(self.on_found, OnFound::Report) {
            let lost = anyhow::anyhow!(
                "{error}; the scan is not complete. Start clamd at {} and scan again",
                self.engine.shown()
            );
            self.output.fail(lost, &self.stop);
            self.queue.stop();
        }
    }
}
