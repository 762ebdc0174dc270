//! How many files are scanned again at one time: so few that a new one never waits behind many.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::stop::Stop;

/// How often who waits for a permit looks whether the run is to end.
const LOOK: Duration = Duration::from_millis(100);

/// Hands out a bounded number of permits.
#[derive(Debug)]
pub(crate) struct Pace {
    free: Mutex<usize>,
    returned: Condvar,
}

/// One of them. It is back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    pace: Arc<Pace>,
}

impl Pace {
    /// So many at one time.
    pub(crate) fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::new(permits), returned: Condvar::new() })
    }

    /// Waits for a permit; `None` when the run is to end.
    pub(crate) fn wait(self: &Arc<Self>, stop: &Stop) -> Option<Arc<Permit>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 && !stop.is_raised() {
            free = self.returned.wait_timeout(free, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free = free.checked_sub(1)?;
        Some(Arc::new(Permit { pace: Arc::clone(self) }))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.pace.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.pace.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_gets_what_another_gave_back_or_nothing_when_the_run_ends() {
        let (pace, stop) = (Pace::new(1), Stop::new().unwrap());
        let first = pace.wait(&stop).unwrap();
        let second = Arc::clone(&first);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| pace.wait(&stop).is_some());
            drop(first);
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiter.is_finished(), "a copy of it is still in use");
            drop(second);
            assert!(waiter.join().unwrap());
        });
        let _held = pace.wait(&stop).unwrap();
        stop.raise();
        assert!(pace.wait(&stop).is_none());
    }
}
