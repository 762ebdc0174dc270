//! The end, told to every thread at once: a descriptor to poll, a flag to look at.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGIO, SIGTERM};
use signal_hook::low_level::pipe;

/// Readable from the moment it is raised, for good.
#[derive(Debug)]
pub(crate) struct Stop {
    fd: OwnedFd,
    raised: AtomicBool,
}

impl Stop {
    /// An event descriptor that nobody has raised.
    pub(crate) fn new() -> std::io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { fd, raised: AtomicBool::new(false) })
    }

    /// Tells every thread to end, and wakes those that poll the descriptor.
    pub(crate) fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        // It can fail only when the counter is full, and then it is readable.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    /// Is the run to end?
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Waits until it is raised or the time is over; says whether it is raised.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        wait(&[self.as_fd()], Some(time));
        self.is_raised()
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Waits until one of the descriptors is readable, or hung up, or the time is over. Says for each
/// whether it is.
pub(crate) fn wait(fds: &[BorrowedFd<'_>], time: Option<Duration>) -> Vec<bool> {
    let timeout = time.map(|time| Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    });
    let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => polled.iter().map(|fd| !fd.revents().is_empty()).collect(),
        // An interrupted wait is a wait that found nothing; callers look again anyway.
        Err(Errno::INTR) => vec![false; fds.len()],
        Err(_) => {
            // Not even polling works (no memory): do not spin.
            std::thread::sleep(Duration::from_millis(10));
            vec![false; fds.len()]
        }
    }
}

/// A descriptor that is readable when the run is to end. SIGIO comes when a lease of ours is broken in
/// the instant it is held, and would end us: it is only taken note of.
pub(crate) fn signals() -> anyhow::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair().context("signals cannot be received")?;
    for signal in [SIGTERM, SIGINT] {
        pipe::register(signal, theirs.try_clone()?).context("signals cannot be received")?;
    }
    signal_hook::flag::register(SIGIO, Arc::default()).context("signals cannot be received")?;
    Ok(ours)
}
