//! The words of iptables-save, as the language of a listing.

use serde_json::Value;

use super::{facts, rulespec};
use crate::backend::dialect::{Dialect, ids};
use crate::backend::ruleset::{Called, ListedRule};
use crate::rules::address_set::Family;
use crate::rules::rule::Rule;
use crate::rules::table::Hook;

/// The words of iptables-save, both families side by side.
#[derive(Debug)]
pub(crate) struct SaveWords;

impl Dialect for SaveWords {
    fn expected(&self, rule: &Rule) -> Value {
        rulespec::expected(rule)
    }

    fn orders<'a>(&self, rules: &'a [ListedRule]) -> Vec<Vec<&'a str>> {
        let of = |family: Family| ids(rules, |rule| rule.expressions.get(family.header()).is_some());
        Family::BOTH.into_iter().map(of).collect()
    }

    fn entrance<'a>(&self, expressions: &'a Value) -> Option<&'a str> {
        expressions.pointer("/ip/0")?.as_str()?.strip_prefix("-i ")?.split(' ').next()
    }

    fn hook(&self, hook: &Hook) -> Called {
        facts::planned(hook)
    }
}
