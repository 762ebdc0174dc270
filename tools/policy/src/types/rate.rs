//! Request rates, in the notation of nginx's `limit_req_zone`.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::reader::invalid::quoted;

/// A number of requests in a time, written `"10r/s"` or `"30r/m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many, 1 to 1,000,000.
    pub requests: u32,
    /// The time in which so many may come.
    pub per: Per,
}

/// The time a rate counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// A second: `r/s`.
    Second,
    /// A minute: `r/m`.
    Minute,
}

impl Rate {
    /// Whole seconds until one more request passes, once burst and rate are used up: 1 to 60.
    pub fn wait(self) -> u32 {
        match self.per {
            Per::Second => 1,
            Per::Minute => 60_u32.div_ceil(self.requests.max(1)),
        }
    }
}

/// nginx's own notation, so that it can be written into its configuration as it is.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Second => "s",
            Per::Minute => "m",
        };
        f.pad(&format!("{}r/{per}", self.requests))
    }
}

impl FromStr for Rate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (number, per) = match (text.strip_suffix("r/s"), text.strip_suffix("r/m")) {
            (Some(number), _) => (number, Per::Second),
            (None, Some(number)) => (number, Per::Minute),
            (None, None) => ("", Per::Second),
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse() {
            Ok(requests @ 1..=1_000_000) if is_number => Ok(Self { requests, per }),
            _ => Err(Invalid::new(
                format!("{} is not a rate", quoted(text)),
                "write requests a second or a minute, 1 to 1000000, such as \"10r/s\" or \"30r/m\"",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_over_the_rate_waits_until_one_more_request_passes() {
        let wait = |text: &str| text.parse::<Rate>().unwrap().wait();
        assert_eq!(["10r/s", "1r/s", "1r/m", "7r/m", "60r/m", "600r/m"].map(wait), [1, 1, 60, 9, 1, 1]);
    }

    #[test]
    fn a_rate_reads_back_as_it_is_shown() {
        for text in ["1r/s", "10r/s", "30r/m", "1000000r/m"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        for text in ["", "10", "r/s", "0r/s", "-1r/s", "+1r/s", "10r/h", "10 r/s", "1.5r/s", "1000001r/s", "10r/s "] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
