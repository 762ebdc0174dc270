//! A large file that is written all day is not scanned at every close: a session's log, the journal of a database. One
//! of 50 MB costs the engine a second and more, and is closed ten times in that second.
//!
//! So a large file rests behind each scan, ten times as long as that took. It is not scanned twice at one time: it
//! never costs more than a tenth of one worker. Nothing is left out. What is written last is scanned in the end. The
//! rest has a bound that counts from the first change which no scan has seen. What is small, new, or has got another
//! name does not rest: that is how malware comes, and how a download ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::Stat;

use crate::queue::Task;
use crate::share::directory::Below;
use crate::share::file_state::Life;
use crate::share::file_state::{Identity, Stamp, size};

/// Bytes from which on a file rests. Less is scanned in some milliseconds.
const LARGE: u64 = 1 << 20;
/// How many times as long as its last scan a file rests.
const TIMES: u32 = 10;
/// The longest rest, whatever `max_defer` allows.
const LONGEST: Duration = Duration::from_secs(60);
/// The shortest wait for a scan that is under way.
const SHORT: Duration = Duration::from_millis(20);
/// The most files that are remembered. Where there are more, some do not rest.
const MOST: usize = 4096;

/// The last scan of a file.
#[derive(Debug, Clone, Copy)]
struct Last {
    began: Instant,
    ended: Option<Instant>,
}

impl Last {
    /// Until when a file rests that was seen to change at `seen`; `None` when it is to be scanned now.
    fn rest(self, seen: Instant, now: Instant, longest: Duration) -> Option<Instant> {
        let rested = match self.ended {
            Some(ended) => ended + TIMES * ended.saturating_duration_since(self.began),
            None => now + SHORT.max(now.saturating_duration_since(self.began)),
        };
        // A change before the last scan began was seen by that one.
        let due = rested.min(seen.max(self.began) + longest);
        (now < due).then_some(due)
    }
}

/// The last scans of large files.
#[derive(Debug)]
pub(crate) struct ScanPauses {
    files: HashMap<Identity, (Life, u32, Below, Last)>,
    longest: Duration,
}

impl ScanPauses {
    /// No file rests longer than `max_defer`, and none longer than a minute.
    pub(crate) fn new(max_defer: Duration) -> Self {
        Self { files: HashMap::new(), longest: max_defer.min(LONGEST) }
    }

    /// Until when the file of this task, which looks so now, is left alone; `None` when it is to be scanned now. Where
    /// the kernel does not tell when it was made, it does not rest: it could be a new one under an old number.
    pub(crate) fn until(&self, task: &Task, stat: &Stat, life: Option<Life>, now: Instant) -> Option<Instant> {
        let (known, root, below, last) = self.files.get(&Stamp::from(stat).identity)?;
        let is_it = size(stat) >= LARGE
            && life.is_some_and(|life| life.born.is_some() && life == *known)
            && *root == task.root.number()
            && *below == task.below;
        if is_it { last.rest(task.seen, now, self.longest) } else { None }
    }

    /// A scan of it began.
    pub(crate) fn begin(&mut self, task: &Task, stat: &Stat, life: Option<Life>, now: Instant) {
        let Some(life) = life.filter(|_| size(stat) >= LARGE) else { return };
        if self.files.len() >= MOST {
            self.forget_what_rested(now);
        }
        if self.files.len() < MOST {
            let last = Last { began: now, ended: None };
            self.files.insert(Stamp::from(stat).identity, (life, task.root.number(), Arc::clone(&task.below), last));
        }
    }

    /// The scan that began then ended with an answer.
    pub(crate) fn end(&mut self, stat: &Stat, began: Instant, now: Instant) {
        if let Some((_, _, _, last)) = self.files.get_mut(&Stamp::from(stat).identity) {
            *last = Last { began, ended: Some(now) };
        }
    }

    /// Its next scan is its first: the last one came to no end.
    pub(crate) fn forget(&mut self, stat: &Stat) {
        self.files.remove(&Stamp::from(stat).identity);
    }

    fn forget_what_rested(&mut self, now: Instant) {
        let longest = self.longest;
        self.files.retain(|_, (_, _, _, last)| last.ended.is_none() || last.rest(now, now, longest).is_some());
    }
}

#[cfg(test)]
mod tests;
