//! `[moat]`: what the packet filter denies, and the few holes in it.

use std::path::PathBuf;

use ipnet::IpNet;

use crate::Hole;

/// What members of an open network may not reach, and the exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moat {
    /// Denied destinations; `SpecialPurpose` and `OnLink` are always among them.
    pub deny: Vec<Deny>,
    /// Exceptions: one network, one address, one port, one protocol each.
    pub allow: Vec<Hole>,
}

/// One denied group of destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deny {
    /// Every block of the IANA special-purpose registries: `special_purpose()`.
    SpecialPurpose,
    /// Every connected prefix of the host outside the guarded bridges, followed as it changes.
    OnLink,
    /// One range of addresses; host bits are zero.
    Net(IpNet),
    /// A file of ranges, absolute path; read it with the `blocklist` module.
    File(PathBuf),
}
