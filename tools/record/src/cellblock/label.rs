//! `cellblock.label`: what a model called a change. It informs, and decides nothing.

use serde::{Deserialize, Serialize};

/// A label of a fixed set, and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// `routine`, `unusual` or `suspicious`; absent when the model gave none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How sure the model calls itself, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The model that was asked, as the policy names it.
    pub model: String,
    /// The `event.id` of the line that it is about.
    pub of: String,
}
