//! A container's first process, as the kernel tells of it: below its folder in `/proc`, which is held open, so that a
//! number that is used again is never taken for the process that had it.

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};

/// The most of one file that is read, in bytes. A container with more mounts than fit is not looked at half.
const LARGEST: u64 = 8 << 20;

/// How a folder is held open.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

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
        let process = Self::open(pid)?;
        if !process.read("cgroup")?.contains(container) {
            bail!("process {pid} is not in the container's control group: it ended, or its number is another's now");
        }
        Ok(process)
    }

    /// Every process of the container with this id: those in its control group, so also what a `docker exec` that ended
    /// left behind, and those in the namespace of process numbers of its first one. A process that ends meanwhile is none.
    ///
    /// # Errors
    /// If its first process is gone, or `/proc` cannot be read.
    pub fn all(container: &str, first: i64) -> Result<Vec<Self>> {
        let home = Self::of(container, first)?.namespace()?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").context("/proc cannot be read")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(process) = Self::open(pid) else { continue };
            let in_group = process.read("cgroup").is_ok_and(|groups| groups.contains(container));
            if in_group || process.namespace().is_ok_and(|namespace| namespace == home) {
                found.push(process);
            }
        }
        Ok(found)
    }

    /// Whoever has this number now.
    fn open(pid: i64) -> Result<Self> {
        let folder = openat(CWD, format!("/proc/{pid}"), FOLDER, Mode::empty());
        Ok(Self { folder: folder.with_context(|| format!("process {pid} is gone"))?, pid })
    }

    /// Its number on this host.
    #[must_use]
    pub fn pid(&self) -> i64 {
        self.pid
    }

    /// The `status` of each of its threads: privileges belong to threads, and the first one may have ended.
    ///
    /// # Errors
    /// If the process is gone. A thread that ends meanwhile is none.
    pub fn threads(&self) -> Result<Vec<String>> {
        let told = || format!("/proc/{}/task", self.pid);
        let tasks = openat(&self.folder, "task", FOLDER, Mode::empty()).with_context(told)?;
        let names = Dir::read_from(&tasks).with_context(told)?.flatten().map(|entry| entry.file_name().to_owned());
        let numbers =
            names.filter_map(|name| name.into_string().ok()).filter(|name| name.bytes().all(|it| it.is_ascii_digit()));
        Ok(numbers.filter_map(|number| self.read(&format!("task/{number}/status")).ok()).collect())
    }

    /// Its namespace of process numbers: `pid:[4026531836]` (namespaces(7)).
    fn namespace(&self) -> Result<Vec<u8>> {
        let link = readlinkat(&self.folder, "ns/pid", Vec::new());
        Ok(link.with_context(|| format!("/proc/{}/ns/pid", self.pid))?.into_bytes())
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
