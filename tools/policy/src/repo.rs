//! `[[repo]]`: a git repository that the monitor watches.

use globset::GlobSet;

/// One watched repository.
#[derive(Debug, Clone)]
pub struct Repo {
    /// Its address: https, a host that some `[[egress]]` lists for the monitor, no user, no port but 443.
    pub url: String,
    /// The host of the address, canonical.
    pub host: String,
    /// The patterns of refs that may move without an alert, as written.
    pub moving: Vec<String>,
    pub(crate) globs: GlobSet,
}

impl Repo {
    /// Whether a ref, by its full name such as `refs/tags/v1`, may move without an alert.
    pub fn may_move(&self, reference: &str) -> bool {
        self.globs.is_match(reference)
    }
}
