//! Capabilities: what who sits in a place could at most do there. It decides how much its silence is worth.

use std::io::Read;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, openat};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Numbers of the kernel's `capability.h`.
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
/// What is read of `status`; a real one is a tenth of it.
const MOST: u64 = 16 * 1024;

/// A bounding set (capabilities(7)): nothing that a process and its children execute can have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoundingSet(u64);

impl BoundingSet {
    /// May it change its own routes and filters, or forge the errors that a network sends?
    pub(crate) fn can_alter_network(self) -> bool {
        self.0 & (NET_ADMIN | NET_RAW) != 0
    }

    /// Does this with no more capabilities than these: the kernel answers as it would answer whoever sits there.
    ///
    /// # Errors
    /// If the thread's own cannot be read, laid down, or taken up again.
    pub(crate) fn at_most<T>(self, act: impl FnOnce() -> T) -> rustix::io::Result<T> {
        let all = capabilities(None)?;
        let effective = all.effective & CapabilitySet::from_bits_truncate(self.0);
        set_capabilities(None, CapabilitySets { effective, ..all })?;
        let done = act();
        // What is permitted stays so, and may be made effective again: capset(2).
        set_capabilities(None, all)?;
        Ok(done)
    }
}

/// The bounding set of the process behind a folder of `/proc`.
///
/// # Errors
/// If the process has gone, or `status` names none.
pub(crate) fn of(process: &OwnedFd) -> Result<BoundingSet> {
    let status = openat(process, "status", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = String::new();
    std::fs::File::from(status).take(MOST).read_to_string(&mut text)?;
    read(&text).context("no CapBnd in it")
}

/// The line `CapBnd:` of `/proc/PID/status`, `proc_pid_status(5)`. Its first line has the process's name, escaped.
fn read(status: &str) -> Option<BoundingSet> {
    let digits = status.lines().find_map(|line| line.strip_prefix("CapBnd:"))?;
    u64::from_str_radix(digits.trim(), 16).ok().map(BoundingSet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_without_network_powers_cannot_bend() {
        let can_alter_network = |set: &str| {
            read(&format!("Name:\tx\nCapEff:\tffffffffffffffff\nCapBnd:\t{set}\n")).unwrap().can_alter_network()
        };
        assert!(!can_alter_network("0000000000000000"));
        assert!(can_alter_network("00000000a80425fb"), "Docker's default set has NET_RAW");
        assert!(can_alter_network("0000000000001000"));
        assert!(!can_alter_network("0000000000000400"));
    }

    #[test]
    fn what_is_laid_down_is_taken_up_again() {
        let before = capabilities(None).unwrap();
        let during = BoundingSet(0).at_most(|| capabilities(None).unwrap().effective).unwrap();
        assert!(during.is_empty());
        assert_eq!(capabilities(None).unwrap(), before);
    }

    #[test]
    fn a_status_without_the_line_is_no_empty_set() {
        assert_eq!(read("Name:\tCapBnd: 0\n"), None);
        assert_eq!(read("CapBnd:\tsmoke\n"), None);
    }
}
