//! What was taken away and could not be emptied at once, because it runs or somebody holds a lease on it:
//! told when it is empty.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::court::{Court, Remains};
use crate::tell;

/// How often it is looked whether one is done.
const LOOK: Duration = Duration::from_millis(500);

/// Tells of each that is done, until the run is stopped.
pub(crate) fn see_to(court: &Court, told: &Receiver<Remains>) {
    let mut at_work: Vec<(JoinHandle<()>, Remains)> = Vec::new();
    while !court.stop.is_raised() {
        match told.recv_timeout(LOOK) {
            Ok(mut remains) => match remains.file.take().and_then(|file| court.patience.empty(file)) {
                Some(work) => at_work.push((work, remains)),
                None => court.tell(&tell::remains_given_up(&remains)),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let (done, still): (Vec<_>, Vec<_>) = at_work.into_iter().partition(|(work, _)| work.is_finished());
        at_work = still;
        for (_, remains) in done {
            court.tell(&tell::remains_emptied(&remains));
        }
    }
}
