//! Who may touch the database: flock(2) on a file beside it. The kernel drops it with the process, so
//! no crash leaves one behind.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How often a lock that is taken is asked for again.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// A lock that is held, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// To read: many at a time. `None` if a writer had it all the while.
    pub(crate) fn shared(path: &Path, wait: Duration) -> io::Result<Option<Self>> {
        take(path, FlockOperation::NonBlockingLockShared, wait)
    }

    /// To write: alone. `None` if somebody had it all the while.
    pub(crate) fn exclusive(path: &Path, wait: Duration) -> io::Result<Option<Self>> {
        take(path, FlockOperation::NonBlockingLockExclusive, wait)
    }
}

fn take(path: &Path, operation: FlockOperation, wait: Duration) -> io::Result<Option<Lock>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let deadline = Instant::now() + wait;
    loop {
        match flock(&file, operation) {
            Ok(()) => return Ok(Some(Lock(file))),
            Err(Errno::WOULDBLOCK) if Instant::now() >= deadline => return Ok(None),
            Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(RETRY_INTERVAL),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing does it too, unless a child still holds the same open file.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
