//! What must go before a plan is loaded, and what stays: a pure function of the plan and of what is there.

use crate::listing::Listing;
use crate::plan::Plan;
use crate::script::counting;

/// What goes, in the transaction that loads the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clearance {
    /// There is no table.
    Nothing,
    /// The table goes as a whole: it is not of our making.
    Table,
    /// Every rule goes, and what is named here.
    Parts {
        /// Chains, by name: all of them.
        chains: Vec<String>,
        /// Sets, by name.
        sets: Vec<String>,
        /// Sets that stay with what they counted, so that a reload forgets nobody's tries.
        kept: Vec<String>,
    },
}

impl Clearance {
    /// Sets that count stay. A table that is not of our making (flags, maps, a set that counts of another shape, a
    /// name that we would not give) goes as a whole.
    pub(crate) fn of(plan: &Plan, present: Option<&Listing>) -> Self {
        let Some(listing) = present else { return Self::Nothing };
        let flagged = listing.flags.as_ref().is_some_and(|flags| !flags.is_null());
        // A set of judged pairs never stays: what is in it was judged by other rules.
        let wanted = counting(plan);
        let misshapen =
            wanted.iter().any(|(name, shape)| listing.sets.get(name).is_some_and(|found| !shape.fits(found)));
        let odd_name = listing
            .chains
            .keys()
            .chain(listing.sets.keys())
            .any(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        if flagged || misshapen || odd_name || !listing.others.is_empty() {
            return Self::Table;
        }
        let (kept, sets) = listing.sets.keys().cloned().partition(|name| wanted.iter().any(|(set, _)| set == name));
        Self::Parts { chains: listing.chains.keys().cloned().collect(), sets, kept }
    }

    /// Whether a set stays.
    pub(crate) fn keeps(&self, set: &str) -> bool {
        matches!(self, Self::Parts { kept, .. } if kept.iter().any(|name| name == set))
    }
}
