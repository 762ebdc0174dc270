//! In whose words a listing of the kernel's rules is: what is expected of it is said in the same.

use serde_json::Value;

use crate::group::Family;
use crate::listing::ListedRule;
use crate::plan::Rule;
use crate::table::Hook;
use crate::{iptables, json};

/// The two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dialect {
    /// nft's JSON.
    #[default]
    Nft,
    /// The words of iptables-save, both families side by side.
    Iptables,
}

impl Dialect {
    /// What the listing must say of a rule of the plan.
    pub(crate) fn rule(self, rule: &Rule) -> Value {
        match self {
            Self::Nft => json::rule(rule),
            Self::Iptables => iptables::expected(rule),
        }
    }

    /// The orders in which the kernel asks the rules of a chain, by their ids: a packet meets the rules of its
    /// own family only.
    pub(crate) fn orders(self, rules: &[ListedRule]) -> Vec<Vec<&str>> {
        let ids = |of: &dyn Fn(&ListedRule) -> bool| {
            rules.iter().filter(|rule| of(rule)).filter_map(|rule| rule.id.as_deref()).collect()
        };
        match self {
            Self::Nft => vec![ids(&|_| true)],
            Self::Iptables => Family::BOTH
                .into_iter()
                .map(|family| ids(&|rule| rule.expressions.get(family.header()).is_some()))
                .collect(),
        }
    }

    /// The bridge that a rule of the first chain is about.
    pub(crate) fn entrance(self, expressions: &Value) -> Option<&str> {
        match self {
            Self::Nft => {
                let of = |path, word: &str| expressions.pointer(path).is_some_and(|found| found == word);
                let from = of("/0/match/left/meta/key", "iifname") && of("/0/match/op", "==");
                expressions.pointer("/0/match/right").filter(|_| from)?.as_str()
            }
            Self::Iptables => expressions.pointer("/ip/0")?.as_str()?.strip_prefix("-i ")?.split(' ').next(),
        }
    }

    /// How the kernel must call a chain: type, hook, priority and policy. All of iptables's chains of a table
    /// are called at the table's one priority, -150 for `mangle`.
    pub(crate) fn hook(self, hook: &Hook) -> (String, String, i64, String) {
        let (kind, name, priority) = match self {
            Self::Nft => (hook.kind, hook.hook, i64::from(hook.priority)),
            Self::Iptables => ("mangle", hook.name, -150),
        };
        (kind.to_owned(), name.to_owned(), priority, "accept".to_owned())
    }
}
