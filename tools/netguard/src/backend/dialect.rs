//! In whose words a listing is: what the kernel must print of a plan, and what its own words mean.

use std::fmt::Debug;

use serde_json::Value;

use crate::backend::ruleset::{Called, ListedRule, Listing};
use crate::rules::rule::Rule;
use crate::rules::table::{Hook, PREROUTING};

/// The language of a listing. Pure: it runs nothing, and asks nobody.
pub(crate) trait Dialect: Debug + Sync {
    /// What the listing must say of a rule of the plan.
    fn expected(&self, rule: &Rule) -> Value;

    /// The orders in which the kernel asks the rules of a chain, by their ids: a packet meets the rules of its own
    /// family only.
    fn orders<'a>(&self, rules: &'a [ListedRule]) -> Vec<Vec<&'a str>>;

    /// The bridge that a rule of the first chain is about.
    fn entrance<'a>(&self, expressions: &'a Value) -> Option<&'a str>;

    /// How the kernel must call a chain.
    fn hook(&self, hook: &Hook) -> Called;
}

/// The bridges that a table guards, by its own rules.
pub(crate) fn bridges(listing: &Listing) -> Vec<String> {
    let rules = listing.chains.get(PREROUTING).map(|chain| chain.rules.as_slice()).unwrap_or_default();
    rules.iter().filter_map(|rule| listing.dialect.entrance(&rule.expressions).map(str::to_owned)).collect()
}

/// The ids of those rules that are meant.
pub(crate) fn ids(rules: &[ListedRule], meant: impl Fn(&ListedRule) -> bool) -> Vec<&str> {
    rules.iter().filter(|rule| meant(rule)).filter_map(|rule| rule.id.as_deref()).collect()
}
