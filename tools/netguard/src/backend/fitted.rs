//! A plan as far as a backend can hold it: the one kind that can be loaded, or held against the kernel. So nobody has
//! to remember to fit it.

use std::ops::Deref;

use ipnet::IpNet;

use crate::rules::address_set::SetName;
use crate::rules::plan::Plan;

/// A plan whose every rule its backend has words for. Only a backend makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fitted(Plan);

impl Fitted {
    /// For backends alone: takes the plan as theirs can hold it.
    pub(super) fn new(plan: Plan) -> Self {
        Self(plan)
    }

    /// For tests: a plan that fits as it is.
    #[cfg(test)]
    pub(crate) fn whole(plan: Plan) -> Self {
        Self(plan)
    }

    /// The same rules, with other ranges in some of the sets.
    pub(crate) fn with_ranges(&self, ranges: impl Iterator<Item = (SetName, Vec<IpNet>)>) -> Self {
        let mut fitted = self.clone();
        fitted.0.sets.extend(ranges);
        fitted
    }
}

impl Deref for Fitted {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}
