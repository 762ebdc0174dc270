//! What must go before a plan is loaded, and what stays: a pure function of the plan and of what is there.

use crate::backend::counters::counting;
use crate::backend::ruleset::Listing;
use crate::rules::plan::Plan;

/// What goes, in the transaction that loads the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// There is no table yet, so nothing goes.
    Nothing,
    /// The table goes as a whole: it is not of our making.
    Table,
    /// Every rule goes, and what is named here.
    Parts {
        /// Chains, by name: all of them.
        chains: Vec<String>,
        /// Names of the table's sets.
        sets: Vec<String>,
        /// Sets that stay with what they counted, so that a reload forgets nobody's tries.
        kept: Vec<String>,
    },
}

impl Deletion {
    /// From nft's listing. Sets that count stay. A table that is not of our making goes as a whole: one with flags,
    /// with maps, or with a name that we would not give.
    pub(crate) fn of(plan: &Plan, present: Option<&Listing>) -> Self {
        let Some(listing) = present else { return Self::Nothing };
        let flagged = listing.flags.as_ref().is_some_and(|flags| !flags.is_null());
        let ours = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let named = listing.chains.keys().chain(listing.sets.keys()).all(ours);
        let foreign = flagged || !named || !listing.others.is_empty();
        let wanted = counting(plan);
        let sets = listing.sets.iter().map(|(name, found)| {
            let shape = wanted.iter().find_map(|(set, shape)| (set == name).then_some(shape));
            (name.clone(), shape.map(|shape| shape.fits(found)))
        });
        Self::decided(foreign, listing.chains.keys().cloned().collect(), sets.collect())
    }

    /// From a table that is `foreign` or ours, with these chains and these sets. Of each set that counts it is known
    /// whether it has the shape that the plan gives it. Where one has another, the table goes as a whole. A set of
    /// judged pairs never stays: what is in it was judged by other rules.
    pub(crate) fn decided(foreign: bool, chains: Vec<String>, sets: Vec<(String, Option<bool>)>) -> Self {
        if foreign || sets.iter().any(|(_, fits)| *fits == Some(false)) {
            return Self::Table;
        }
        let (kept, gone): (Vec<_>, Vec<_>) = sets.into_iter().partition(|(_, fits)| fits.is_some());
        let names = |sets: Vec<(String, Option<bool>)>| sets.into_iter().map(|(name, _)| name).collect();
        Self::Parts { chains, sets: names(gone), kept: names(kept) }
    }

    /// Whether the set stays with what it counted.
    pub(crate) fn keeps(&self, set: &str) -> bool {
        matches!(self, Self::Parts { kept, .. } if kept.iter().any(|name| name == set))
    }
}
