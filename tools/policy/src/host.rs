//! Host names in one canonical form, so that two spellings of a name cannot be two rules.

use std::fmt;

/// A canonical host name (lower case A-labels, no trailing dot, RFC 1123), or `*.` before one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    pub(crate) wildcard: bool,
    pub(crate) name: String,
}

impl HostPattern {
    /// Whether it stands for every name below [`HostPattern::name`].
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The name without the `*.`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a host name, in any case and with or without a trailing dot, is covered.
    /// A wildcard covers names at any depth below it, and not the name itself.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if !self.wildcard {
            return host == self.name;
        }
        host.strip_suffix(self.name.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('.'))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            f.write_str("*.")?;
        }
        f.write_str(&self.name)
    }
}
