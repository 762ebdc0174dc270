//! The network devices of a place. When a container ends, Docker takes its cables away, while its namespace lives on as
//! long as we hold it. All that is asked from then on meets silence. Whoever sits there can end the container as soon
//! as it sees the first probe. That silence is no moat's.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, openat};

/// What is read of the table: a line has some 130 bytes, and a container a handful of devices.
const MOST: u64 = 1024 * 1024;
/// Of the thread that asks, which is what "self" would not be.
const TABLE: &str = "/proc/thread-self/net/dev";

/// The names of the devices of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Devices(BTreeSet<String>);

impl Devices {
    /// Those of the thread's own namespace; none where it cannot be told.
    pub(crate) fn here() -> Self {
        Self(std::fs::read_to_string(TABLE).map(|table| read(&table)).unwrap_or_default())
    }

    /// Is there one of this name?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// One of these that the thread's namespace has no more.
    pub(crate) fn lost(&self) -> Option<String> {
        self.0.difference(&Self::here().0).next().cloned()
    }
}

/// The devices of the process behind a folder of `/proc`.
///
/// # Errors
/// If the process has gone.
pub(crate) fn of(process: &OwnedFd) -> rustix::io::Result<Devices> {
    let file = openat(process, "net/dev", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut table = String::new();
    let read_all = std::fs::File::from(file).take(MOST).read_to_string(&mut table);
    read_all.map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))?;
    Ok(Devices(read(&table)))
}

/// The names before the colons of `dev`, `proc_pid_net(5)`; two lines of headings have none.
fn read(table: &str) -> BTreeSet<String> {
    let names = table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned());
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_gone_is_named_and_a_new_one_is_no_loss() {
        let table =
            "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n    lo: 0 0 0 0\n  eth0: 1 2 3 4\n";
        assert_eq!(read(table), ["eth0", "lo"].map(str::to_owned).into());
        assert_eq!(Devices(["lo".to_owned()].into()).lost(), None, "of this machine");
        let gone = Devices(["lo".to_owned(), "no-such-device".to_owned()].into());
        assert_eq!(gone.lost().as_deref(), Some("no-such-device"));
    }
}
