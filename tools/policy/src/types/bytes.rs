//! Sizes, written the way people say them and never off by 1000 against 1024.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::reader::invalid::quoted;
use crate::reader::value::Value;

/// A number of bytes, 1 to 2⁶³−1 (what Docker's API can say). Written `"2GiB"`, `"100MiB"`, `"64KiB"`, `"1TiB"`,
/// `"512B"` or a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

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

impl FromStr for Bytes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mend = "write a whole number and B, KiB, MiB, GiB or TiB, such as \"2GiB\"";
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let Some((_, factor)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
            return Err(Invalid::new(format!("{} is not a size", quoted(text)), mend));
        };
        let bytes = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
        bytes
            .and_then(|bytes| Self::new(bytes).ok())
            .ok_or_else(|| Invalid::new(format!("{} is out of range", quoted(text)), mend))
    }
}

impl Bytes {
    fn new(bytes: u64) -> Result<Self, Invalid> {
        match bytes {
            1..=0x7fff_ffff_ffff_ffff => Ok(Self(bytes)),
            0 => Err(Invalid::new("a size of 0", "write at least 1; there is no size that means \"no limit\"")),
            _ => Err(Invalid::new("a size over 2^63-1", "write a smaller one, such as \"2GiB\"")),
        }
    }

    /// A size as a string with a unit, or as an integer of bytes.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        match value.as_u64() {
            Some(bytes) => value.accept(Self::new(bytes)),
            None if value.as_text().is_some() => value.parsed(),
            None => value.refuse("expected a size", "write \"2GiB\", or a positive number of bytes"),
        }
    }

    /// A size that is no smaller than what the key makes sense with.
    pub(crate) fn at_least(value: &Value<'_>, least: Self) -> Option<Self> {
        let bytes = Self::read(value)?;
        if bytes < least {
            return value.refuse(format!("{bytes} is too small"), format!("write at least {least}"));
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_size_reads_in_every_unit() {
        for (text, bytes) in
            [("1B", 1), ("64KiB", 65_536), ("100MiB", 104_857_600), ("2GiB", 1 << 31), ("1TiB", 1 << 40)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in
            ["", "GiB", "2", "2G", "2GB", "2gib", "2 GiB", "-1GiB", "+1GiB", "1.5GiB", "0MiB", "8388608TiB", "²GiB"]
        {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_size_reads_back_as_it_is_shown(bytes in 1..=i64::MAX as u64) {
            prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = text.parse::<Bytes>();
        }
    }
}
