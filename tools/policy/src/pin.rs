//! A pinned certificate: the SHA-256 of what the server shows.

use std::fmt;

/// SHA-256 of a certificate (DER) or of its public key (SPKI); written `sha256:` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin(pub [u8; 32]);

/// `sha256:` and 64 lower-case hex digits without colons.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
