//! Jailed files that could not be emptied at once: one still runs, or somebody holds a lease on it. They are tried
//! again, and a record says when one is empty.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::jail::removal::Remains;
use crate::pipeline::shared::Shared;
use crate::records;

/// How often it is looked whether one is done.
const LOOK: Duration = Duration::from_millis(500);

/// Tells of each that is done, until the run is stopped.
pub(crate) fn watch_until_empty(shared: &Shared, told: &Receiver<Remains>) {
    let mut at_work: Vec<(JoinHandle<()>, Remains)> = Vec::new();
    while !shared.stop.is_raised() {
        match told.recv_timeout(LOOK) {
            Ok(mut remains) => match remains.file.take().and_then(|file| shared.blocking_opens.empty(file)) {
                Some(work) => at_work.push((work, remains)),
                None => shared.report(&records::remains_given_up(&remains)),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let (done, still): (Vec<_>, Vec<_>) = at_work.into_iter().partition(|(work, _)| work.is_finished());
        at_work = still;
        for (_, remains) in done {
            shared.report(&records::remains_emptied(&remains));
        }
    }
}
