//! Where probes are made: a process's namespaces, what it is allowed there, and what resolves names for it.

pub(crate) mod capabilities;
pub(crate) mod devices;
mod docker;
mod mounts;
pub(crate) mod resolv;
pub(crate) mod vantage;
