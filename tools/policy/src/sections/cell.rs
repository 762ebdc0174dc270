//! `[cell]`: the container that holds the prisoner, and what it may use up.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::Bytes;
use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::reader::{folder, schema};
use crate::types::{name, timezone};

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
    /// Limit on memory, at least 16 MiB; swap included, so that there is none beyond it.
    pub memory: Bytes,
    /// Limit on processor time in CPUs, 0.01 to 1024.
    pub cpus: f64,
    /// Limit on processes and threads, 1 to 4,194,304 (the kernel's `PID_MAX_LIMIT`).
    pub pids: u32,
    /// What the agent's clock shows: a name of the tz database.
    pub timezone: String,
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

    /// What the cell sees of it: a folder inside the file system. It is not there while nothing is mounted. So Docker
    /// can't give the cell the host's own file system in its place.
    pub fn folder(&self) -> PathBuf {
        self.mount_point().join("sandbox")
    }
}

pub(crate) const SHAPES: [(&str, Shape); 2] = [("open", Shape::Open), ("proxied", Shape::Proxied)];
/// glibc reads no more than three resolvers (resolv.conf(5), `MAXNS`).
const MOST_RESOLVERS: usize = 3;
/// Below it no container starts.
pub(crate) const LEAST_MEMORY: Bytes = Bytes(16 << 20);
/// How many processors a policy can ask for.
pub(crate) const CPUS: RangeInclusive<f64> = 0.01..=1024.0;
/// How many processes a policy can ask for, up to the kernel's `PID_MAX_LIMIT`.
pub(crate) const PIDS: RangeInclusive<u32> = 1..=4_194_304;
const LEAST_FOLDER: Bytes = Bytes(1 << 20);

pub(crate) fn read(section: &Section<'_>) -> Option<Cell> {
    let container = section.or("container", "cell".to_owned(), container_name);
    let network = section.required("network", |value| value.word(&SHAPES));
    let dns = section.or("dns", vec![[9, 9, 9, 9].into(), [149, 112, 112, 112].into()], |value| {
        value.list(1..=MOST_RESOLVERS, address)
    });
    let memory = section.or("memory", Bytes(2 << 30), |value| Bytes::at_least(value, LEAST_MEMORY));
    let cpus = section.or("cpus", 2.0, |value| value.number(CPUS));
    let pids = section.or("pids", 512, |value| value.integer(PIDS));
    let timezone = section.or("timezone", "UTC".to_owned(), timezone::read);
    let share = section.table("share", &schema::SHARE, |share| read_share(share, "sandbox_data", Bytes(4 << 30)));
    Some(Cell {
        container: container?,
        network: network?,
        dns: dns?,
        memory: memory?,
        cpus: cpus?,
        pids: pids?,
        timezone: timezone?,
        share: share?,
    })
}

/// A folder and its bound, for the share and for the jail.
pub(crate) fn read_share(section: &Section<'_>, path: &str, size: Bytes) -> Option<Share> {
    let path = match section.has("path") {
        true => section.required("path", folder::read),
        false => folder::default(section, "path", path),
    };
    let size = section.or("size", size, |value| Bytes::at_least(value, LEAST_FOLDER));
    Some(Share { path: path?, size: size? })
}

/// A name that Docker takes for a container.
pub(crate) fn container_name(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if name::CONTAINER.allows(text) {
        return Some(text.to_owned());
    }
    value.refuse(format!("{} is no container name", quoted(text)), "write up to 63 letters, digits, '_', '.' and '-'")
}

/// Reads one address, and notes a fault where it is none.
pub(crate) fn address(value: &Value<'_>) -> Option<IpAddr> {
    let text = value.text()?;
    let problem = || format!("{} is no IP address", quoted(text));
    text.parse().ok().or_else(|| value.refuse(problem(), "write an address such as \"9.9.9.9\" or \"2620:fe::fe\""))
}
