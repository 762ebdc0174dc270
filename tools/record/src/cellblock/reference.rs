//! `cellblock.reference` and `cellblock.references`: refs of git repositories. ECS has no word for them.
//! The repository's address is `url.full`.

use serde::{Deserialize, Serialize};

/// What a ref points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The object's id: 40 (SHA-1) or 64 (SHA-256) hex digits in lower case.
    pub id: String,
    /// Of an annotated tag: the object behind it (`x^{}` of `git ls-remote`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peeled: Option<String>,
}

/// A ref, and where it pointed and points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The full name, such as `refs/tags/v1`. A byte that is no UTF-8 is written `\xNN`, which no
    /// ref can be named (git-check-ref-format(1) forbids the backslash).
    pub name: String,
    /// Where it pointed in the round before; absent when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Target>,
    /// Where it points now; absent when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Target>,
    /// Does the policy let it move?
    pub may_move: bool,
    /// Where it moved: is the commit before an ancestor of the one now? Absent where no mirror could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_forward: Option<bool>,
    /// Of a tag: is its commit on a branch of the repository? Absent where no mirror could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_branch: Option<bool>,
}

/// What a round found in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// Refs that the repository told of.
    pub read: u64,
    /// Of these, seen for the first time in the first round.
    pub first_seen: u64,
    /// How many refs are new since the round before.
    pub created: u64,
    /// How many refs point elsewhere than before.
    pub moved: u64,
    /// Known from before, and gone.
    pub deleted: u64,
    /// SHA-256 over the lines that `git ls-remote` printed, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The pinned refs that lead where the policy pins them to, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}
