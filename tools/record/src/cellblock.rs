//! `cellblock.*`: what ECS has no word for. One file for each tool's part.

use serde::{Deserialize, Serialize};

/// How many checks a run made, and how they ended: in `run-finished`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Checks made: the sum of the other three.
    pub checked: u64,
    /// As the policy says.
    pub passed: u64,
    /// Not as the policy says.
    pub failed: u64,
    /// Could not be evaluated.
    pub unknown: u64,
}

/// The field set of our own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cellblock {
    /// The counts of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// A person's way out of a finding: what to do, as a command where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}
