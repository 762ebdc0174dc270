//! One connection to the engine and the files in flight on it. A worker is one thread that never blocks
//! on one file while another is ready: it polls its socket and the queue together.

mod admission;
mod conclude;
mod exchange;
mod flight;

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::clamd::Session;
use crate::pipeline::shared::Shared;
use crate::stop::wait;
use flight::{Flight, Suspect};

/// Files in flight on one connection.
const DEPTH: usize = 8;
/// Longest wait for a verdict. clamd's own `MaxScanTime` is 120 s.
const SCAN_TIMEOUT: Duration = Duration::from_secs(180);
/// How often a file is sent again when the engine died with it in hand, or it changed.
const MAX_ATTEMPTS: u32 = 4;
/// How long what is in flight may take to end when the run ends.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How often a worker that leaves what comes to others looks whether they still have nothing to do.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often a worker looks whether the engine is back.
const AWAY: Duration = Duration::from_millis(100);

/// One connection to clamd, and the thread that keeps it busy.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    shared: &'a Shared,
    session: Option<Session>,
    /// A session of its own for copies in the jail: one question, one answer.
    second: Option<Session>,
    flights: HashMap<u32, Flight>,
    /// The next file is to fly alone: the engine died with it in hand before.
    next_is_alone: bool,
    /// Waits for the other workers' flights to end.
    suspect: Option<Suspect>,
}

impl<'a> Worker<'a> {
    /// A worker without a connection; it is made with the first file.
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, session: None, second: None, flights: HashMap::new(), next_is_alone: false, suspect: None }
    }

    /// Works until the queue is over or the run is stopped.
    pub(crate) fn run(mut self) {
        let mut ends: Option<Instant> = None;
        loop {
            let stopped = self.shared.stop.is_raised();
            if self.has_ended(stopped) {
                return;
            }
            if stopped && *ends.get_or_insert_with(|| Instant::now() + LAST_WAIT) <= Instant::now() {
                return;
            }
            self.fill();
            self.wait();
            self.give_up_late_ones();
        }
    }

    /// Nothing in hand, and nothing to come?
    fn has_ended(&self, stopped: bool) -> bool {
        self.flights.is_empty() && (stopped || (self.suspect.is_none() && self.shared.queue.is_over()))
    }

    fn has_room(&self) -> bool {
        self.flights.len() < DEPTH
            && !self.next_is_alone
            && !self.shared.in_flight.is_held()
            && self.shared.engine.is_up()
            && !self.shared.stop.is_raised()
            && !self.leaves_it_to_others()
    }

    /// A file behind another on one worker waits while that one is taken to the jail. So the next goes to a worker that
    /// has nothing to do, if there is one.
    fn leaves_it_to_others(&self) -> bool {
        !self.flights.is_empty() && self.shared.has_idle_worker()
    }

    /// Sends what is ready.
    fn fill(&mut self) {
        self.next_is_alone &= !self.flights.is_empty();
        self.try_suspect();
        while self.has_room() {
            let Some(task) = self.shared.queue.take() else { return };
            let suspect = task.attempts > 0;
            if suspect && !self.flights.is_empty() {
                return self.stand_back(task);
            }
            self.begin(task);
            self.next_is_alone |= suspect && !self.flights.is_empty();
        }
    }

    /// Waits for an answer, or for something to send, whichever is first.
    fn wait(&mut self) {
        // Asked once: a stop behind this still wakes the poll below. Asked a second time, there could be no descriptor
        // left to wait for, and this would wait for ever.
        let stopped = self.shared.stop.is_raised();
        let over = self.shared.queue.is_over();
        if self.flights.is_empty() && (stopped || (over && self.suspect.is_none())) {
            return;
        }
        let is_held = self.shared.in_flight.is_held();
        let watches_queue = self.has_room() && !over;
        if self.flights.is_empty() && !self.shared.engine.is_up() {
            self.shared.stop.wait(AWAY);
            return;
        }
        let mut fds = Vec::with_capacity(3);
        if let Some(session) = &self.session {
            fds.push(session.as_fd());
        }
        if watches_queue {
            fds.push(self.shared.queue.as_fd());
        }
        if !stopped {
            fds.push(self.shared.stop.as_fd());
        }
        let looks_again = !watches_queue && (is_held || self.flights.is_empty() || self.leaves_it_to_others());
        // The others may all be busy, or the trial over, a moment later.
        let time = if looks_again { Some(LOOK_AGAIN) } else { self.time_left() };
        let ready = if self.flights.is_empty() { self.shared.idling(|| wait(&fds, time)) } else { wait(&fds, time) };
        if self.session.is_some() && ready.first() == Some(&true) {
            self.listen();
        }
    }

    /// Until the first of the flights is late, or a look at the end of the run is due.
    fn time_left(&self) -> Option<Duration> {
        let limit = self.flights.values().map(|flight| flight.began + SCAN_TIMEOUT).min();
        limit.map(|limit| limit.saturating_duration_since(Instant::now()).min(LAST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clamd::engine::Engine;
    use crate::pipeline::output::Output;
    use crate::pipeline::shared::{OnFound, Options};
    use crate::queue::{Task, Urgency};
    use crate::share::directory::Root;
    use clap::Parser;
    use policy::Policy;
    use record::Provider;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;
    use tool::{OutputArgs, Purpose, Writer};

    #[derive(Parser)]
    struct Plain {
        #[command(flatten)]
        output: OutputArgs,
    }

    fn shared() -> Shared {
        let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml"));
        let warden = Policy::load(shipped, None).unwrap().warden;
        let output = Plain::parse_from(["scanwatch"]).output;
        let output = Output::new(Writer::stdout(Provider::Scanwatch, Purpose::Tell, output, true));
        let engine = Engine::believed(warden.clamd.clone());
        let options = Options { capacity: 8, quiet_clean: true, changed_since: None };
        Shared::new(warden, OnFound::Report, engine, output, options).unwrap()
    }

    /// Between the two words of the end, to all threads and to the queue: seen once in thousands of runs.
    #[test]
    fn a_worker_with_nothing_in_hand_does_not_wait_once_the_run_is_stopped_whatever_the_queue_says() {
        let shared = shared();
        shared.stop.raise();
        let (tell, ended) = sync_channel(1);
        std::thread::spawn(move || {
            Worker::new(&shared).wait();
            tell.send(()).unwrap();
        });
        assert!(ended.recv_timeout(Duration::from_secs(60)).is_ok(), "it waits for nothing, and for ever");
    }

    /// Whether a content is a suspect is asked with its size and hash, under the lock that is held here.
    #[test]
    fn while_a_trial_is_on_nothing_is_hashed_to_learn_whether_it_has_to_wait() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "abc").unwrap();
        let root = Arc::new(Root::open(dir.path()).unwrap());
        let shared = Arc::new(shared());
        let trial = shared.in_flight.hold();
        let crashes = shared.crashes();
        let (tell, ended) = sync_channel(1);
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut worker = Worker::new(&theirs);
            worker.begin(Task::new(&root, b"a".as_slice().into(), Urgency::Urgent));
            tell.send(worker.flights.len()).unwrap();
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(0));
        drop((crashes, trial));
    }
}
