//! Sizes, written the way people say them and never off by 1000 against 1024.

use std::fmt;

/// A number of bytes, above zero. Written `"2GiB"`, `"100MiB"`, `"64KiB"`, `"1TiB"`, `"512B"` or a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Bytes {
    /// The number of bytes.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// In the largest unit that divides it, so that reading it back gives the same number.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS
            .into_iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(("B", 1));
        f.pad(&format!("{}{unit}", self.0 / factor))
    }
}
