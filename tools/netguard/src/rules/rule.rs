//! One rule of the plan: what must hold of a packet, and what happens then.

use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};

use crate::rules::role::Role;

/// A rule, in no program's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The same from run to run; the kernel keeps it as the rule's comment.
    pub(crate) id: String,
    /// What it is for, to whoever asks for it.
    pub(crate) role: Role,
    /// The chain it stands in.
    pub(crate) chain: String,
    /// The conditions; all of them must hold.
    pub(crate) when: Vec<Condition>,
    /// What happens to a packet for which all of `when` hold.
    pub(crate) verdict: Verdict,
    /// What it is for, in a sentence.
    pub(crate) meaning: String,
}
