//! The name of a bridge. It ends up in nftables rules, where a wrong byte is a wildcard.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::reader::invalid::quoted;
use crate::types::name;

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

/// Names that mean something else: to sysctl, to the kernel, to Docker.
const TAKEN: [&str; 4] = ["all", "default", "lo", "docker0"];

impl FromStr for BridgeName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |problem: &str, mend: &str| Err(Invalid::new(format!("{} {problem}", quoted(text)), mend));
        if name::BRIDGE.is_too_long(text) {
            return refuse("is longer than a bridge's name can be", "write at most 15 bytes, such as \"br-cell\"");
        }
        if !name::BRIDGE.allows(text) {
            return refuse("is no bridge name", "write letters, digits, '-', '_' and '.', such as \"br-cell\"");
        }
        if TAKEN.contains(&text) {
            return refuse("means something else to the host", "write a name of its own, such as \"br-cell\"");
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_the_kernel_is_taken() {
        for text in ["br-cell", "b", "br_0.1", "fifteen-bytes-x"] {
            assert_eq!(text.parse::<BridgeName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_name_that_a_rule_could_misread_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "br+",
            "br*",
            "br cell",
            "br/cell",
            "br\"",
            "br\n",
            "-br",
            "sixteen-bytes-xx",
            "brücke",
            "all",
            "default",
            "lo",
            "docker0",
            "br;drop",
            "br\0",
        ] {
            assert!(text.parse::<BridgeName>().is_err(), "{text:?}");
        }
    }
}
