//! What goes to the engine and what comes back; and what becomes of the files in flight when it ends meanwhile.

use std::os::fd::AsFd;
use std::time::{Instant, SystemTime};

use super::flight::Flight;
use super::{MAX_ATTEMPTS, SCAN_TIMEOUT, Worker};
use crate::clamd::verdict::Verdict;
use crate::clamd::{Answer, Broken};
use crate::pipeline::in_flight::Flying;
use crate::queue::Task;
use crate::share::content::sha256;
use crate::share::file_state::size;
use crate::share::open_file::OpenFile;

impl Worker<'_> {
    pub(super) fn send(&mut self, mut task: Task, held: OpenFile, flying: Flying) {
        let epoch = self.shared.scan_cache().epoch();
        let (began, wall) = (Instant::now(), SystemTime::now());
        let session = match self.session.take().map_or_else(|| self.shared.engine.connect(), Ok) {
            Ok(session) => self.session.insert(session),
            Err(broken) => {
                self.shared.queue.put_back(task);
                return self.shared.engine_lost(&broken);
            }
        };
        match session.submit(held.file.as_fd(), size(&held.stat)) {
            Ok(id) => {
                // While the engine reads it, so do we.
                self.shared.scan_pauses().begin(&task, &held.stat, held.spot.life().ok(), began);
                let sha256 = sha256(held.file.as_fd(), size(&held.stat)).ok();
                self.flights.insert(id, Flight { task, held, began, wall, epoch, sha256, flying });
            }
            Err(broken) => {
                task.attempts += 1;
                self.retry(task, &held, &Verdict::Error(broken.to_string()));
                drop(flying);
                self.break_off(&broken);
                self.reconnect();
            }
        }
    }

    pub(super) fn listen(&mut self) {
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
            if let Some(sha256) = &flight.sha256 {
                self.shared.crashes().forget(size(&flight.held.stat), sha256);
            }
            self.conclude(flight, answer);
        } else if let Some(session) = &self.session {
            let (broken, now) = (session.out_of_step(id), Instant::now());
            self.flights.values().for_each(|flight| flight.flying.abandon(flight.sha256.as_deref(), now));
            self.break_off(&broken);
        }
    }

    /// The session is over. What was in flight goes back, and flies alone next time: one of them may be
    /// what the engine died of.
    fn break_off(&mut self, broken: &Broken) {
        self.session = None;
        for (_, mut flight) in std::mem::take(&mut self.flights) {
            self.shared.scan_pauses().forget(&flight.held.stat);
            let verdict = self.note_crash(&flight).unwrap_or_else(|| Verdict::Error(broken.to_string()));
            flight.task.attempts += 1;
            self.retry(flight.task, &flight.held, &verdict);
        }
    }

    /// Back into the queue, or told when it was there too often.
    fn retry(&mut self, task: Task, held: &OpenFile, verdict: &Verdict) {
        if task.attempts < MAX_ATTEMPTS {
            self.shared.queue.put_back(task);
        } else {
            self.unscanned(&task, Some(held), None, verdict);
        }
    }

    /// Is the engine still there? If not, everybody waits.
    fn reconnect(&mut self) {
        match self.shared.engine.connect() {
            Ok(session) => self.session = Some(session),
            Err(broken) => self.shared.engine_lost(&broken),
        }
    }

    pub(super) fn give_up_late_ones(&mut self) {
        if self.flights.values().any(|flight| flight.began.elapsed() >= SCAN_TIMEOUT) {
            let late = std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no verdict within {} s", SCAN_TIMEOUT.as_secs()),
            );
            let now = Instant::now();
            self.flights.values().for_each(|flight| flight.flying.abandon(flight.sha256.as_deref(), now));
            self.break_off(&Broken::Gone(late));
        }
    }
}
