//! A file in the engine's hands, and one that waits to be there alone.

use std::time::{Duration, Instant, SystemTime};

use rustix::fs::fstat;

use crate::pipeline::in_flight::{Flying, Trial};
use crate::queue::Task;
use crate::share::file_state::Stamp;
use crate::share::open_file::OpenFile;

/// How long a suspect waits for its file's times to settle: two ticks. A clock that was put back may never get there.
const LONGEST: Duration = Duration::from_millis(40);

/// A file that was sent.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) task: Task,
    pub(super) held: OpenFile,
    pub(super) began: Instant,
    pub(super) wall: SystemTime,
    /// Which signatures were in force when it was sent.
    pub(super) epoch: u32,
    pub(super) sha256: Option<String>,
    /// It is in the engine's hands, and maybe alone there.
    pub(super) flying: Flying,
}

/// A suspect that has the engine for itself as soon as all other flights have ended.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) task: Task,
    pub(super) held: OpenFile,
    pub(super) trial: Trial,
    pub(super) since: Instant,
}

impl Suspect {
    /// Nothing else flies, and a change from now on shows in the file's times, which take a tick.
    pub(super) fn may_fly(&self) -> bool {
        let is_settled = Stamp::from(&self.held.stat).is_settled(SystemTime::now());
        self.trial.is_alone() && (is_settled || self.since.elapsed() > LONGEST)
    }
}

impl Flight {
    /// Was what is hashed what the engine read? Not with a writer about, nor after a change.
    pub(super) fn is_certain(&self) -> bool {
        let stamp = Stamp::from(&self.held.stat);
        let is_same = fstat(&self.held.file).is_ok_and(|stat| Stamp::from(&stat) == stamp);
        let has_writer = self.held.writer || lease::has_writer(&self.held.file).unwrap_or(false);
        is_same && !has_writer && stamp.is_settled(self.wall)
    }
}
