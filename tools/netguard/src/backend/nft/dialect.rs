//! nft's JSON, as the language of a listing.

use serde_json::Value;

use super::json;
use crate::backend::dialect::{Dialect, ids};
use crate::backend::ruleset::{Called, ListedRule};
use crate::rules::rule::Rule;
use crate::rules::table::Hook;

/// nft's JSON: one table for both families.
#[derive(Debug)]
pub(crate) struct NftJson;

impl Dialect for NftJson {
    fn expected(&self, rule: &Rule) -> Value {
        json::rule(rule)
    }

    fn orders<'a>(&self, rules: &'a [ListedRule]) -> Vec<Vec<&'a str>> {
        vec![ids(rules, |_| true)]
    }

    fn entrance<'a>(&self, expressions: &'a Value) -> Option<&'a str> {
        let of = |path, word: &str| expressions.pointer(path).is_some_and(|found| found == word);
        let from = of("/0/match/left/meta/key", "iifname") && of("/0/match/op", "==");
        expressions.pointer("/0/match/right").filter(|_| from)?.as_str()
    }

    fn hook(&self, hook: &Hook) -> Called {
        (hook.kind.to_owned(), hook.hook.to_owned(), i64::from(hook.priority), "accept".to_owned())
    }
}
