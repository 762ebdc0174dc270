//! `[cell]`: the container that holds the prisoner, and what it may use up.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::Bytes;

/// The cell's container and its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Name of the container, as Docker knows it.
    pub container: String,
    /// Which of the two network shapes the cell lives in.
    pub network: Shape,
    /// The resolvers written into the cell's `resolv.conf`; never empty. Explicit, because Docker's
    /// own resolver would ask from the host's namespace, which no bridge rule sees.
    pub dns: Vec<IpAddr>,
    /// Limit on memory, at least 64 MiB; swap included, so that there is none beyond it.
    pub memory: Bytes,
    /// Limit on processor time in CPUs, 0.01 to 1024.
    pub cpus: f64,
    /// Limit on processes and threads, 1 to 4,194,304 (the kernel's `PID_MAX_LIMIT`).
    pub pids: u32,
    /// The one folder of the host that the cell can write.
    pub share: Share,
}

/// The two network shapes, one switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The cell reaches the internet directly, the moat keeps it off everything private.
    Open,
    /// The cell's network is internal; only names of `[[egress]]` that list it exist, through the gate.
    Proxied,
}

/// A folder with a bound: the share of the cell, or the jail of the warden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Absolute path of the folder on the host.
    pub path: PathBuf,
    /// The most it may hold, at least 1 MiB.
    pub size: Bytes,
}

impl Share {
    /// The loop file that holds the file system: `<path>/share.img`.
    pub fn image(&self) -> PathBuf {
        self.path.join("share.img")
    }

    /// Where the file system is mounted: `<path>/share`.
    pub fn mount_point(&self) -> PathBuf {
        self.path.join("share")
    }
}
