//! SIGINT and SIGTERM end a follower in good order; the second one ends it at once. One that lists ends with its
//! reader, too.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::pipe;

/// How long a stop may go unnoticed.
const NAP: Duration = Duration::from_millis(200);

/// Whether it is time to end.
#[derive(Debug, Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal sets the flag, the next finds it set and dies of it.
            flag::register_conditional_default(signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Asks for it, too, when nobody reads standard output any more, and then calls `wake`. It is for who lists:
    /// `… --follow | head -1` ends with that line, and not with the next one.
    pub fn when_unread(&self, wake: impl FnOnce() + Send + 'static) {
        let asked = Arc::clone(&self.0);
        std::thread::spawn(move || {
            pipe::await_closed();
            asked.store(true, Ordering::Relaxed);
            wake();
        });
    }

    /// One that was received already: a follower that gets it does one round.
    #[must_use]
    pub fn received() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Is it time to end?
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps, but not through a stop.
    pub fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.asked() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(NAP));
        }
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::low_level::raise;

    use super::*;

    /// The only test of this program that listens: a signal is for the whole process.
    #[test]
    fn a_signal_is_a_stop_and_ends_a_wait() {
        let stop = Stop::listen().unwrap();
        assert!(!stop.asked());
        raise(SIGTERM).unwrap();
        assert!(stop.asked());
        stop.wait(Duration::from_secs(3600));
        Stop::received().wait(Duration::from_secs(3600));
    }
}
