//! Does anybody hold a file open for writing, or have it mapped so?
//!
//! The kernel counts the writers of an inode and shows the number to nobody. But it refuses a read lease while there is
//! one (fcntl(2), "Leases"; `check_conflicting_open` in Linux' `fs/locks.c`). So we ask for a lease and give it back at
//! once: it is held for no longer than two system calls. A program that opens the file in between waits for that long
//! and no longer.
//!
//! Beside it, for the same reason (no crate offers it safely), the events of a whole file system:
//! [`fanotify`].

pub mod fanotify;

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Is there a writer? The descriptor must be open for reading only.
///
/// A lease that is broken in the instant it is held makes the kernel send `SIGIO`. That ends a process that does not
/// handle it: handle it.
///
/// # Errors
/// `EACCES` when the caller neither owns the file nor has `CAP_LEASE`, `EINVAL` where the file system
/// knows no leases: then it is not known.
pub fn has_writer(file: impl AsFd) -> io::Result<bool> {
    match set(&file, libc::F_RDLCK) {
        Ok(()) => set(&file, libc::F_UNLCK).map(|()| false),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(true),
        Err(error) => Err(error),
    }
}

#[expect(unsafe_code, reason = "neither std nor rustix nor nix offers F_SETLEASE")]
fn set(file: &impl AsFd, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: F_SETLEASE takes an int and touches no memory of ours; the descriptor is borrowed, so it is open.
    let result = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_SETLEASE, kind) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::time::{Duration, Instant};

    #[test]
    fn a_writer_is_told_as_long_as_it_is_there_and_a_reader_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        assert!(has_writer(&reader).unwrap());
        drop(writer);
        let other = File::open(&path).unwrap();
        assert!(!has_writer(&reader).unwrap());
        drop(other);
    }

    #[test]
    fn the_lease_is_given_back_so_that_the_next_writer_need_not_wait() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let reader = File::open(&path).unwrap();
        assert!(!has_writer(&reader).unwrap());
        let began = Instant::now();
        let _writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!(has_writer(&reader).unwrap());
    }
}
