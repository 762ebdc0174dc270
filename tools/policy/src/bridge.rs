//! The name of a bridge. It ends up in nftables rules, where a wrong byte is a wildcard.

use std::fmt;

/// A network interface name that the kernel takes and no rule can misread: 1 to 15 bytes
/// (`IFNAMSIZ` less the NUL) of `a-z A-Z 0-9 . _ -`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeName(pub(crate) String);

impl BridgeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BridgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
