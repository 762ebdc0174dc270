//! The services of `compose.yaml`. Their number on a network is fixed, so that the gate can listen
//! on an address known before it starts.

use std::fmt;

/// One service of the composition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The gate (nginx).
    Proxy,
    /// The TLS front that owns the cell's network namespace.
    Vault,
    /// The prisoner's container; it has no address but the vault's.
    Cell,
    /// The watcher of git repositories.
    Monitor,
    /// The scanner of the share; it has no network at all.
    Warden,
    /// The warden's engine, which fetches its signatures through the gate.
    Clamd,
}

impl Service {
    /// All six services.
    pub const ALL: [Self; 6] = [Self::Proxy, Self::Vault, Self::Cell, Self::Monitor, Self::Warden, Self::Clamd];

    /// The name in `compose.yaml`; also the container's, but for the cell (see `Policy::container`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Vault => "vault",
            Self::Cell => "cell",
            Self::Monitor => "monitor",
            Self::Warden => "warden",
            Self::Clamd => "clamd",
        }
    }

    /// Its number on every network it is a member of; 1 is the host's. At most 6, so that a /29 holds all.
    pub(crate) fn host_number(self) -> u8 {
        match self {
            Self::Proxy => 2,
            Self::Vault | Self::Cell => 3,
            Self::Monitor => 4,
            Self::Warden | Self::Clamd => 5,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
