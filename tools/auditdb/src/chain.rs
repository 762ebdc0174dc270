//! The hash chain of a segment: SHA-256 (FIPS 180-4) over the link before and what the link covers.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};

/// One link. Written as 64 hex digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Link([u8; 32]);

impl Link {
    /// The first link: over the segment's own first line, its break included.
    pub(crate) fn first(header: &[u8]) -> Self {
        Self::over(&[header])
    }

    /// SHA-256 over all of it. a verification is mostly hashing. Where the processor has no instructions for it, ring's
    /// takes half the time of the crate `sha2`.
    pub(crate) fn over(parts: &[&[u8]]) -> Self {
        let mut hash = Context::new(&SHA256);
        parts.iter().for_each(|part| hash.update(part));
        let mut link = [0; 32];
        link.copy_from_slice(hash.finish().as_ref());
        Self(link)
    }

    /// The digest itself: 32 bytes of SHA-256.
    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The link behind this one, over a batch's head (up to its hash) and its lines.
    pub(crate) fn next(&self, head: &[u8], body: &[u8]) -> Self {
        Self::over(&[&self.0, head, body])
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Link {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // One spelling alone, so that a line has one text.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(());
        }
        let mut link = [0; 32];
        hex::decode_to_slice(text, &mut link).map_err(|_| ())?;
        Ok(Self(link))
    }
}
