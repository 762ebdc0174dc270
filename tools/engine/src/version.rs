//! The engine's version, as far as decisions rest on it.

use std::fmt;
use std::str::FromStr;

/// `28.2.2`, `26.1.5+dfsg1`: three numbers, compared in order; what follows them says nothing about features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Three numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (numbers, _) = text.split_at(end);
        let mut parts = numbers.split('.').map(str::parse);
        let mut next = || parts.next().unwrap_or(Ok(0));
        match (next(), next(), next()) {
            (Ok(major), Ok(minor), Ok(patch)) if major > 0 => Ok(Self { major, minor, patch }),
            _ => Err(format!("'{text}' is no version of an engine; write it like 28.2.2")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_s_suffix_does_not_change_the_version() {
        assert_eq!("26.1.5+dfsg1".parse(), Ok(Version::new(26, 1, 5)));
        assert_eq!("28.0".parse(), Ok(Version::new(28, 0, 0)));
        assert_eq!("25.0.5-rc.1".parse(), Ok(Version::new(25, 0, 5)));
    }

    #[test]
    fn versions_compare_as_numbers_and_not_as_text() {
        assert!(Version::new(25, 0, 10) > Version::new(25, 0, 5));
        assert!(Version::new(9, 9, 9) < Version::new(28, 0, 0));
    }

    #[test]
    fn what_is_no_version_is_an_error() {
        for text in ["", "dev", "v28", "0.0", "99999999999.1", ".."] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
