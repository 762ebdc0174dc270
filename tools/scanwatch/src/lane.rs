//! One connection to the engine and the files in flight on it. A lane is one thread that never blocks
//! on one file while another is ready: it polls its socket and the queue together.

mod conclude;

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use crate::clamd::{Answer, Broken, Session};
use crate::court::Court;
use crate::examine::{Held, Next, examine};
use crate::jail::sha256;
use crate::queue::Task;
use crate::stamp::size;
use crate::stop::wait;
use crate::verdict::Verdict;

/// Files in flight on one connection.
const DEPTH: usize = 8;
/// Longest wait for a verdict. clamd's own `MaxScanTime` is 120 s.
const SCAN_TIMEOUT: Duration = Duration::from_secs(180);
/// How often a file is sent again when the engine died with it in hand, or it changed.
const MAX_ATTEMPTS: u32 = 4;
/// How long what is in flight may take to end when the run ends.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How often a lane that leaves what comes to others looks whether they still have nothing to do.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often a lane looks whether the engine is back.
const AWAY: Duration = Duration::from_millis(100);

/// A file that was sent.
#[derive(Debug)]
struct Flight {
    task: Task,
    held: Held,
    began: Instant,
    wall: SystemTime,
    /// Which signatures were in force when it was sent.
    epoch: u32,
    sha256: Option<String>,
}

/// A lane at work.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    court: &'a Court,
    session: Option<Session>,
    /// A session of its own for copies in the jail: one question, one answer.
    second: Option<Session>,
    flights: HashMap<u32, Flight>,
    /// The next file is to fly alone: the engine died with it in hand before.
    next_is_alone: bool,
}

impl<'a> Lane<'a> {
    /// A lane without a connection; it is made with the first file.
    pub(crate) fn new(court: &'a Court) -> Self {
        Self { court, session: None, second: None, flights: HashMap::new(), next_is_alone: false }
    }

    /// Works until the queue is over or the run is stopped.
    pub(crate) fn run(mut self) {
        let mut ends: Option<Instant> = None;
        loop {
            let stopped = self.court.stop.is_raised();
            if self.flights.is_empty() && (stopped || self.court.queue.is_over()) {
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

    fn has_room(&self) -> bool {
        self.flights.len() < DEPTH
            && !self.next_is_alone
            && self.court.engine.is_up()
            && !self.court.stop.is_raised()
            && !self.leaves_it_to_others()
    }

    /// A file behind another on one lane waits while that one is taken to the jail: so the next goes to
    /// a lane that has nothing to do, if there is one.
    fn leaves_it_to_others(&self) -> bool {
        !self.flights.is_empty() && self.court.has_idle_lane()
    }

    /// Sends what is ready.
    fn fill(&mut self) {
        self.next_is_alone &= !self.flights.is_empty();
        while self.has_room() {
            let Some(task) = self.court.queue.take() else { return };
            let suspect = task.attempts > 0;
            if suspect && !self.flights.is_empty() {
                self.next_is_alone = true;
                self.court.queue.put_back(task);
                return;
            }
            self.begin(task);
            self.next_is_alone = suspect && !self.flights.is_empty();
        }
    }

    fn begin(&mut self, task: Task) {
        match examine(self.court, &task) {
            Next::Scan(held) => self.send(task, held),
            Next::Wait(due) => self.court.queue.push_at(task, due),
            Next::Judged(held, stat, verdict) => self.judged(&task, held.as_ref(), stat.as_ref(), &verdict),
            Next::Nothing => {}
        }
    }

    fn send(&mut self, mut task: Task, held: Held) {
        let epoch = self.court.known().epoch();
        let (began, wall) = (Instant::now(), SystemTime::now());
        let session = match self.session.take().map_or_else(|| self.court.engine.connect(), Ok) {
            Ok(session) => self.session.insert(session),
            Err(broken) => {
                self.court.queue.put_back(task);
                return self.court.engine_lost(&broken);
            }
        };
        match session.submit(held.file.as_fd(), size(&held.stat)) {
            Ok(id) => {
                // While the engine reads it, so do we.
                let sha256 = sha256(held.file.as_fd(), size(&held.stat)).ok();
                self.flights.insert(id, Flight { task, held, began, wall, epoch, sha256 });
            }
            Err(broken) => {
                task.attempts += 1;
                self.again(task, &held, &broken);
                self.break_off(&broken);
                self.reconnect();
            }
        }
    }

    /// Waits for an answer, or for something to send, whichever is first.
    fn wait(&mut self) {
        // Asked once: whoever is told to stop behind this finds the descriptor of it among the ones below. Asked again,
        // it could be left out with all others, and this would wait for ever.
        let stopped = self.court.stop.is_raised();
        let over = self.court.queue.is_over();
        if self.flights.is_empty() && (stopped || over) {
            return;
        }
        let watches_queue = self.has_room() && !over;
        if self.flights.is_empty() && !self.court.engine.is_up() {
            self.court.stop.wait(AWAY);
            return;
        }
        let mut fds = Vec::with_capacity(3);
        if let Some(session) = &self.session {
            fds.push(session.as_fd());
        }
        if watches_queue {
            fds.push(self.court.queue.as_fd());
        }
        if !stopped {
            fds.push(self.court.stop.as_fd());
        }
        let limit = self.flights.values().map(|flight| flight.began + SCAN_TIMEOUT).min();
        let mut time = limit.map(|limit| limit.saturating_duration_since(Instant::now()).min(LAST_WAIT));
        if !watches_queue && self.leaves_it_to_others() {
            // They may all be busy a moment later.
            time = Some(LOOK_AGAIN);
        }
        let ready = if self.flights.is_empty() { self.court.idling(|| wait(&fds, time)) } else { wait(&fds, time) };
        if self.session.is_some() && ready.first() == Some(&true) {
            self.listen();
        }
    }

    fn listen(&mut self) {
        let Some(session) = &mut self.session else { return };
        match session.receive() {
            Ok(answers) => {
                for (id, answer) in answers {
                    self.answered(id, answer);
                }
            }
            // An idle session that clamd ends (IdleTimeout) is no news.
            Err(_) if self.flights.is_empty() => self.session = None,
            Err(broken) => {
                self.break_off(&broken);
                self.reconnect();
            }
        }
    }

    fn answered(&mut self, id: u32, answer: Answer) {
        if let Some(flight) = self.flights.remove(&id) {
            self.conclude(flight, answer);
        } else if let Some(session) = &self.session {
            let broken = session.out_of_step(id);
            self.break_off(&broken);
        }
    }

    /// The session is over. What was in flight goes back, and flies alone next time: one of them may be
    /// what the engine died of.
    fn break_off(&mut self, broken: &Broken) {
        self.session = None;
        for (_, mut flight) in std::mem::take(&mut self.flights) {
            flight.task.attempts += 1;
            self.again(flight.task, &flight.held, broken);
        }
    }

    /// Back into the queue, or given up when it was there too often.
    fn again(&mut self, task: Task, held: &Held, broken: &Broken) {
        if task.attempts < MAX_ATTEMPTS {
            self.court.queue.put_back(task);
        } else {
            self.judged(&task, Some(held), None, &Verdict::Error(broken.to_string()));
        }
    }

    /// Is the engine still there? If not, everybody waits.
    fn reconnect(&mut self) {
        match self.court.engine.connect() {
            Ok(session) => self.session = Some(session),
            Err(broken) => self.court.engine_lost(&broken),
        }
    }

    fn give_up_late_ones(&mut self) {
        if self.flights.values().any(|flight| flight.began.elapsed() >= SCAN_TIMEOUT) {
            let late = std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no verdict within {} s", SCAN_TIMEOUT.as_secs()),
            );
            self.break_off(&Broken::Gone(late));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::court::{Duty, Options};
    use crate::engine::Engine;
    use crate::voice::Voice;
    use clap::Parser;
    use policy::Policy;
    use record::{OutputArgs, Provider, Purpose, Writer};
    use std::path::Path;
    use std::sync::mpsc::sync_channel;

    #[derive(Parser)]
    struct Plain {
        #[command(flatten)]
        output: OutputArgs,
    }

    fn court() -> Court {
        let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml"));
        let warden = Policy::load(shipped, None).unwrap().warden;
        let output = Plain::parse_from(["scanwatch"]).output;
        let voice = Voice::new(Writer::stdout(Provider::Scanwatch, Purpose::Tell, output, true));
        let engine = Engine::believed(warden.clamd.clone());
        let options = Options { capacity: 8, quiet_clean: true, changed_since: None };
        Court::new(warden, Duty::Look, engine, voice, options).unwrap()
    }

    /// Between the two words of the end, to all threads and to the queue: seen once in thousands of runs.
    #[test]
    fn a_lane_with_nothing_in_hand_does_not_wait_once_the_run_is_stopped_whatever_the_queue_says() {
        let court = court();
        court.stop.raise();
        let (tell, ended) = sync_channel(1);
        std::thread::spawn(move || {
            Lane::new(&court).wait();
            tell.send(()).unwrap();
        });
        assert!(ended.recv_timeout(Duration::from_secs(20)).is_ok(), "it waits for nothing, and for ever");
    }
}
