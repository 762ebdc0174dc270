//! The sets that the kernel fills while packets pass: which a plan needs, and what each must look like.

use crate::backend::ruleset::Set;
use crate::rules::plan::Plan;
use crate::rules::table::{FLOWS, PAIR_LIFETIME, PAIRS, REMEMBERED, SENDER, SENDERS};

/// What a set that the kernel fills must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    key: Vec<&'static str>,
    size: u64,
    timeout: u64,
}

impl Shape {
    /// Whether a set in the kernel can count what this one should.
    pub(crate) fn fits(&self, found: &Set) -> bool {
        found.key == self.key
            && found.size == Some(self.size)
            && found.timeout == Some(self.timeout)
            && found.flags.iter().any(|flag| flag == "timeout")
    }
}

/// The sets that count, by name: of flows, and of what senders may still add to those.
pub(crate) fn counting(plan: &Plan) -> Vec<(String, Shape)> {
    let shape = |key, size| Shape { key, size, timeout: REMEMBERED };
    let flows = plan.flow_sets().into_iter().map(|set| (set.name(), shape(set.key_type(), FLOWS)));
    let budgets = plan.budgets().into_iter().map(|set| (set.name(), shape(vec![SENDER], SENDERS)));
    flows.chain(budgets).collect()
}

/// All sets that the kernel fills, by name: those that count, and those of pairs that were judged.
pub(crate) fn filled(plan: &Plan) -> Vec<(String, Shape)> {
    let shape = |key| Shape { key, size: PAIRS, timeout: PAIR_LIFETIME };
    let pairs = plan.pairs().into_iter().map(|pairs| (pairs.name(), shape(pairs.key_type())));
    counting(plan).into_iter().chain(pairs).collect()
}
