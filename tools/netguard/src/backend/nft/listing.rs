//! The moat's table, as nft lists it in JSON (libnftables-json(5)).
//!
//! Other versions of nft print more fields than we know; those are passed over. What we compare must be there and of
//! its type. Else the listing is an error, and nothing is taken for verified.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::dialect::NftJson;
use super::json::plain;
use crate::backend::ruleset::{ListedRule, Listing, Set};
use crate::rules::table::{FAMILY, TABLE};

#[derive(Deserialize)]
struct Document {
    nftables: Vec<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct RawTable {
    family: String,
    name: String,
    #[serde(default)]
    flags: Value,
}

#[derive(Deserialize)]
struct RawChain {
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    hook: Option<String>,
    prio: Option<i64>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct RawRule {
    chain: String,
    comment: Option<String>,
    expr: Vec<Value>,
}

#[derive(Deserialize)]
struct RawSet {
    name: String,
    #[serde(rename = "type")]
    key: Key,
    #[serde(default)]
    flags: Vec<String>,
    size: Option<u64>,
    timeout: Option<u64>,
    #[serde(default)]
    elem: Vec<Value>,
}

/// nft prints a key of one part as a string, one of several as a list. What one was made of that was declared by
/// expressions, newer versions print as these (1.1.3 does, 1.0.6 does not).
#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    One(String),
    Many(Vec<String>),
    Of { r#typeof: Value },
}

impl Key {
    /// Its types, one a part. An expression of an unknown type stays as it stands.
    fn types(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
            Self::Of { r#typeof: made } => match made.get("concat").and_then(Value::as_array) {
                Some(parts) => parts.iter().map(type_of).collect(),
                None => vec![type_of(&made)],
            },
        }
    }
}

fn type_of(expression: &Value) -> String {
    let at = |path| expression.pointer(path).and_then(Value::as_str);
    let known = match (at("/meta/key"), at("/payload/base"), at("/payload/protocol"), at("/payload/field")) {
        (Some("iif"), ..) => Some("iface_index"),
        (_, Some(_), ..) => Some("integer"),
        (_, _, Some("ip6"), Some("saddr" | "daddr")) => Some("ipv6_addr"),
        _ => None,
    };
    known.map_or_else(|| expression.to_string(), str::to_owned)
}

impl Listing {
    /// Reads what nft printed: our table, among others or alone.
    ///
    /// # Errors
    /// If it is not what libnftables-json(5) describes.
    pub(crate) fn parse(text: &[u8]) -> Result<Self> {
        let document: Document = serde_json::from_slice(text).context("nft printed no JSON that can be read")?;
        let mut listing = Self::empty(&NftJson);
        for item in document.nftables {
            for (kind, value) in item {
                listing.take(&kind, value).with_context(|| format!("nft printed a {kind} that cannot be read"))?;
            }
        }
        Ok(listing)
    }

    fn take(&mut self, kind: &str, value: Value) -> Result<()> {
        // What is in a table names it; lists of one table, as other versions print them, need not.
        let elsewhere = |field: &str, ours: &str| value.get(field).is_some_and(|found| found != ours);
        if elsewhere("table", TABLE) || elsewhere("family", FAMILY) {
            return Ok(());
        }
        match kind {
            "metainfo" => {}
            "table" => {
                let table: RawTable = serde_json::from_value(value)?;
                if table.family == FAMILY && table.name == TABLE {
                    self.flags = Some(table.flags);
                }
            }
            "chain" => {
                let chain: RawChain = serde_json::from_value(value)?;
                let hook = chain.hook.map(|hook| {
                    (
                        chain.kind.unwrap_or_default(),
                        hook,
                        chain.prio.unwrap_or_default(),
                        chain.policy.unwrap_or_default(),
                    )
                });
                self.chains.entry(chain.name).or_default().hook = hook;
            }
            "rule" => {
                let rule: RawRule = serde_json::from_value(value)?;
                let counted = rule.expr.iter().find_map(|part| numbers(part.get("counter")?));
                let expressions = plain(Value::Array(rule.expr));
                self.chains.entry(rule.chain).or_default().rules.push(ListedRule {
                    id: rule.comment,
                    expressions,
                    counted,
                });
            }
            "set" => {
                let set: RawSet = serde_json::from_value(value)?;
                let RawSet { name, key, flags, size, timeout, elem } = set;
                self.sets.insert(name, Set { key: key.types(), flags, size, timeout, elements: elem });
            }
            other => {
                let name = value.get("name").and_then(Value::as_str).unwrap_or("without a name");
                self.others.push(format!("{other} {name}"));
            }
        }
        Ok(())
    }
}

fn numbers(counter: &Value) -> Option<(u64, u64)> {
    Some((counter.get("packets")?.as_u64()?, counter.get("bytes")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn newer_versions_of_nft_print_the_expressions_that_a_set_is_made_of_and_it_is_the_same_set() {
        let bits = |offset: u32| json!({"payload": {"base": "nh", "offset": offset, "len": 32}});
        let made = json!({"typeof": {"concat": [{"meta": {"key": "iif"}}, bits(96), bits(128)]}});
        let key = |kind: &serde_json::Value| {
            let set = json!({"set": {"name": "judged4", "type": kind}});
            let listing = Listing::parse(json!({"nftables": [set]}).to_string().as_bytes()).unwrap();
            listing.sets["judged4"].key.clone()
        };
        assert_eq!(key(&made), key(&json!(["iface_index", "integer", "integer"])));
        assert_ne!(key(&json!({"typeof": {"concat": [{"meta": {"key": "oif"}}, bits(96), bits(128)]}})), key(&made));
        assert_eq!(key(&json!({"typeof": {"meta": {"key": "iif"}}})), key(&json!("iface_index")));
    }

    #[test]
    fn protocols_that_the_machine_has_no_names_for_are_the_same_protocols() {
        let rule = |right: &serde_json::Value| {
            let left = json!({"payload": {"protocol": "ip6", "field": "nexthdr"}});
            plain(json!([{"match": {"op": "==", "left": left, "right": right}}]))
        };
        assert_eq!(rule(&json!({"set": [17, 6]})), rule(&json!({"set": ["tcp", "udp"]})));
        assert_ne!(rule(&json!({"set": [17, 1]})), rule(&json!({"set": ["tcp", "udp"]})));
    }

    #[test]
    fn a_table_of_another_family_or_name_is_not_ours() {
        let text =
            |family: &str, name: &str| json!({"nftables": [{"table": {"family": family, "name": name}}]}).to_string();
        assert!(Listing::parse(text("inet", "netguard").as_bytes()).unwrap().flags.is_some());
        assert!(Listing::parse(text("ip", "netguard").as_bytes()).unwrap().flags.is_none());
        assert!(Listing::parse(text("inet", "netguard2").as_bytes()).unwrap().flags.is_none());
        assert!(Listing::parse(b"{}").is_err());
    }
}
