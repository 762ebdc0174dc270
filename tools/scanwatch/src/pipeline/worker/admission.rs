//! Which of the files in the queue is sent, and which waits: for another's trial, for its own, or until it is closed.

use std::os::fd::AsFd;
use std::time::Instant;

use super::flight::{Flight, Suspect};
use super::{LOOK_AGAIN, Worker};
use crate::clamd::verdict::{Verdict, Why};
use crate::pipeline::engine_crashes::Standing;
use crate::pipeline::open::{Next, examine};
use crate::queue::Task;
use crate::share::content::sha256;
use crate::share::file_state::size;
use crate::share::open_file::OpenFile;

impl Worker<'_> {
    pub(super) fn begin(&mut self, task: Task) {
        match examine(self.shared, &task) {
            Next::Scan(held) => self.weigh(task, held),
            Next::Wait(due) => self.shared.queue.push_at(task, due),
            Next::Judged(held, stat, verdict) => self.unscanned(&task, held.as_ref(), stat.as_ref(), &verdict),
            Next::Nothing => {}
        }
    }

    /// Content that the engine died of flies alone among all workers, or not at all for a while.
    fn weigh(&mut self, task: Task, held: OpenFile) {
        // Asked before anything is hashed: whoever waits for another's trial costs nothing.
        if self.shared.in_flight.is_held() {
            return self.wait_for_trial(task);
        }
        match self.standing(&held) {
            Standing::Innocent => match self.shared.in_flight.begin() {
                Some(flying) => self.send(task, held, flying),
                None => self.wait_for_trial(task),
            },
            Standing::GivenUp(times) => {
                self.unscanned(&task, Some(&held), None, &Verdict::Unscanned(Why::KillsEngine(times)));
            }
            Standing::Suspect if !self.flights.is_empty() => self.stand_back(task),
            Standing::Suspect => match self.shared.in_flight.hold() {
                Some(trial) => self.suspect = Some(Suspect { task, held, trial, since: Instant::now() }),
                None => self.wait_for_trial(task),
            },
        }
    }

    fn wait_for_trial(&self, task: Task) {
        self.shared.queue.push_at(task, Instant::now() + LOOK_AGAIN);
    }

    /// Sends the suspect when nothing else is in the engine's hands.
    pub(super) fn try_suspect(&mut self) {
        if !self.shared.engine.is_up() || self.shared.stop.is_raised() {
            return;
        }
        if let Some(Suspect { task, held, trial, .. }) = self.suspect.take_if(|suspect| suspect.may_fly()) {
            self.send(task, held, trial.begin());
        }
    }

    fn standing(&self, held: &OpenFile) -> Standing {
        let size = size(&held.stat);
        if !self.shared.crashes().has_one_of(size) {
            return Standing::Innocent;
        }
        let Ok(sha256) = sha256(held.file.as_fd(), size) else { return Standing::Innocent };
        self.shared.crashes().standing(size, &sha256, Instant::now())
    }

    /// What is in flight on this worker ends first.
    pub(super) fn stand_back(&mut self, task: Task) {
        self.next_is_alone = true;
        self.shared.queue.put_back(task);
    }

    /// The engine died with this in hand. Tells what to say of it where it is given up with that.
    pub(super) fn note_crash(&self, flight: &Flight) -> Option<Verdict> {
        let (sha256, size, now) = (flight.sha256.as_ref()?, size(&flight.held.stat), Instant::now());
        let alone = flight.flying.was_alone(sha256, flight.began) && flight.is_certain();
        let mut crashes = self.shared.crashes();
        crashes.note(size, sha256, alone, flight.began, now);
        match crashes.standing(size, sha256, now) {
            Standing::GivenUp(times) => Some(Verdict::Unscanned(Why::KillsEngine(times))),
            Standing::Suspect | Standing::Innocent => None,
        }
    }
}
