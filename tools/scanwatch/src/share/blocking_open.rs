//! Opens that have to wait. Whoever holds a lease on a file (fcntl(2), "Leases") keeps others waiting for up to 45 s
//! (`fs.lease-break-time`). From one who asks without waiting he takes it anew between any two tries. Only who waits in
//! the kernel gets in: meanwhile it gives no new lease. A program that runs cannot be written for as long as it does
//! (`ETXTBSY`).
//!
//! So that no worker waits, each such file gets a thread of its own; nobody waits for these, and they die
//! with the process. There are few: whoever brings more such files has told on himself by then.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, fchmod, fstat, openat};
use rustix::io::Errno;

use crate::share::directory::Spot;
use crate::share::file_state::kind;

/// The most that wait at one time.
const MOST: usize = 32;
/// For how long a file is kept open once it could be: the worker looks twice a second.
const HOLD: Duration = Duration::from_secs(3);
/// The time between two tries to empty a program that runs.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Threads that wait in open(2), each for a file that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct BlockingOpens {
    waiting: Arc<AtomicUsize>,
}

/// One waiting thread, as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl BlockingOpens {
    /// Waits until the regular file at the spot can be read, and keeps leases away for a while.
    pub(crate) fn read(&self, spot: &Spot) {
        let Ok(file) =
            openat(&spot.folder, &spot.name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        else {
            return;
        };
        if fstat(&file).is_ok_and(|stat| kind(&stat) == FileType::RegularFile) {
            self.spawn(move || {
                if let Ok(open) = reopen(&file, OFlags::RDONLY) {
                    std::thread::sleep(HOLD);
                    drop(open);
                }
            });
        }
    }

    /// Waits until the file can be emptied, and does it. `None` when too many wait already.
    pub(crate) fn empty(&self, file: OwnedFd) -> Option<JoinHandle<()>> {
        self.spawn(move || {
            while empty(&file, OFlags::empty()).is_err() {
                std::thread::sleep(RETRY_INTERVAL);
            }
        })
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(Arc::clone(&self.waiting));
        if self.waiting.load(Ordering::SeqCst) > MOST {
            return None;
        }
        let work = move || {
            let _counted = counted;
            work();
        };
        std::thread::Builder::new().name("blocking-open".to_owned()).spawn(work).ok()
    }
}

/// Empties the inode behind the descriptor, whatever it is called by now. Waits, unless `how` says
/// `NONBLOCK`.
pub(crate) fn empty(file: &OwnedFd, how: OFlags) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::TRUNC | how;
    match reopen(file, flags) {
        Err(Errno::ACCESS) => {
            fchmod(file, Mode::RUSR | Mode::WUSR)?;
            reopen(file, flags)
        }
        other => other,
    }
    .map(|_| ())
}

fn reopen(file: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    openat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), flags | OFlags::CLOEXEC, Mode::empty())
}
