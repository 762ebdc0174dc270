//! A container's first process, as the kernel tells of it: below its folder in `/proc`, which is held open, so that a
//! number that is used again is never taken for the process that had it.

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, openat};

/// The most of one file that is read, in bytes. A container with more mounts than fit is not looked at half.
const LARGEST: u64 = 8 << 20;

/// A process that is known to be a container's.
#[derive(Debug)]
pub struct Process {
    folder: OwnedFd,
    pid: i64,
}

impl Process {
    /// The process of this number, if it is one of the container with this id: its control group is named after it
    /// (cgroups(7)).
    ///
    /// # Errors
    /// If there is none, it may not be looked at, or it is another's.
    pub fn of(container: &str, pid: i64) -> Result<Self> {
        ensure!(pid > 0 && container.len() >= 12, "the engine told no process");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, format!("/proc/{pid}"), flags, Mode::empty())
            .with_context(|| format!("process {pid} is gone"))?;
        let process = Self { folder, pid };
        if !process.read("cgroup")?.contains(container) {
            bail!("process {pid} is not in the container's control group: it ended, or its number is another's now");
        }
        Ok(process)
    }

    /// One of its files, `mountinfo` or `status` for one. What is no UTF-8 in it becomes U+FFFD.
    ///
    /// # Errors
    /// If it cannot be read, or is longer than 8 MiB.
    pub fn read(&self, file: &str) -> Result<String> {
        let told = || format!("/proc/{}/{file}", self.pid);
        let opened = openat(&self.folder, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).with_context(told)?;
        let mut bytes = Vec::new();
        std::fs::File::from(opened).take(LARGEST + 1).read_to_end(&mut bytes).with_context(told)?;
        ensure!(bytes.len() as u64 <= LARGEST, "{}: longer than {LARGEST} bytes", told());
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_nobody_s_container_is_refused() {
        let own = i64::from(std::process::id());
        let error = Process::of("0123456789abcdef0123456789abcdef", own).unwrap_err();
        assert!(format!("{error:#}").contains("control group"), "{error:#}");
        assert!(Process::of("0123456789abcdef", 0).is_err());
        assert!(Process::of("", own).is_err(), "an empty id is in every name");
    }
}
