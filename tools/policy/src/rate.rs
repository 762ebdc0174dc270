//! Request rates, in the notation of nginx's `limit_req_zone`.

use std::fmt;

/// A number of requests in a time, written `"10r/s"` or `"30r/m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many, 1 to 1,000,000.
    pub requests: u32,
    /// In which time.
    pub per: Per,
}

/// The time a rate counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
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
