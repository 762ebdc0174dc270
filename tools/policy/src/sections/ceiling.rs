//! `[ceiling]`: the most that a container may have which the policy does not know.

use crate::Bytes;
use crate::reader::section::Section;
use crate::sections::cell;

/// Limits that bound: a container with more of one can take the machine from the cell and its guards. What the machine
/// itself does not have is no bound either, whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// Memory, at least 16 MiB; swap included.
    pub memory: Bytes,
    /// Processor time in CPUs, 0.01 to 1024.
    pub cpus: f64,
    /// Processes and threads, 1 to 4,194,304.
    pub pids: u32,
    /// All of its logs together, at least 1 MiB.
    pub logs: Bytes,
    /// Open files, 64 to 1,048,576 (the kernel's default `fs.nr_open`).
    pub files: u32,
}

/// No log rotates well below it.
const LEAST_LOGS: Bytes = Bytes(1 << 20);

pub(crate) fn read(section: &Section<'_>) -> Option<Ceiling> {
    let memory = section.or("memory", Bytes(4 << 30), |value| Bytes::at_least(value, cell::LEAST_MEMORY));
    let cpus = section.or("cpus", 4.0, |value| value.number(cell::CPUS));
    let pids = section.or("pids", 4096, |value| value.integer(cell::PIDS));
    let logs = section.or("logs", Bytes(1 << 30), |value| Bytes::at_least(value, LEAST_LOGS));
    let files = section.or("files", 65_536, |value| value.integer(64..=1_048_576));
    Some(Ceiling { memory: memory?, cpus: cpus?, pids: pids?, logs: logs?, files: files? })
}
