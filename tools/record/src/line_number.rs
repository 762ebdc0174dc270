//! The number of a line: whoever reads lines later can tell that some are gone.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Digits of a run.
const DIGITS: usize = 12;

/// Which line of its writer's a line is: `cellblock.line`, such as `0a1b2c3d4e5f-17`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineNumber {
    /// The run, 12 hex digits that nobody else has.
    pub run: String,
    /// Its number in the run, from 1.
    pub number: u64,
}

impl LineNumber {
    /// What stands before the first line of a new run: number 0, which no line has.
    #[must_use]
    pub fn before_first() -> Self {
        // The end of a UUIDv7 is random.
        let id = Uuid::now_v7().simple().to_string();
        Self { run: id.get(id.len() - DIGITS..).unwrap_or_default().to_owned(), number: 0 }
    }
}

impl fmt::Display for LineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.number)
    }
}

impl FromStr for LineNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (run, number) = text.split_once('-').ok_or(())?;
        let is_run = run.len() == DIGITS && run.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = number.parse().ok().filter(|number| *number > 0);
        number.filter(|_| is_run).map(|number| Self { run: run.to_owned(), number }).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back_and_what_is_none_is_refused() {
        let first = LineNumber { number: 1, ..LineNumber::before_first() };
        assert_eq!(first.to_string().parse(), Ok(first));
        for odd in ["", "0a1b2c3d4e5f", "0a1b2c3d4e5f-0", "0a1b2c3d4e5f--1", "0A1B2C3D4E5F-1", "x-1", "0a1b2c3d4e5f-1 "]
        {
            assert_eq!(odd.parse::<LineNumber>(), Err(()), "{odd}");
        }
    }
}
