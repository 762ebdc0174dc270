//! What the audit makes of the kernel's list of mounts.

mod host;
mod table;

pub(crate) use host::HostMounts;
pub(crate) use table::Table;
