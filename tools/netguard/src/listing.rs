//! The kernel's side, as nft lists it in JSON (libnftables-json(5)).
//!
//! Other versions of nft print more fields than we know; those are passed over. What we compare must be
//! there and of its type, else the listing is an error and nothing is taken for verified.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde::Deserialize;
use serde_json::Value;

use crate::dialect::Dialect;
use crate::json::plain;
use crate::table::{FAMILY, PREROUTING, TABLE};

/// The moat's table, as the kernel holds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Listing {
    /// In whose words its rules are.
    pub(crate) dialect: Dialect,
    /// Flags of the table, `None` if the table was not listed. Any flag is strange: one of them switches
    /// the whole table off.
    pub(crate) flags: Option<Value>,
    /// The generation of the kernel's rules before they were listed, where the kernel numbers them.
    pub(crate) generation: Option<u32>,
    /// Chains by name.
    pub(crate) chains: BTreeMap<String, Chain>,
    /// Sets by name.
    pub(crate) sets: BTreeMap<String, Set>,
    /// What else the table holds: maps, flow tables, named counters.
    pub(crate) others: Vec<String>,
}

/// A chain and its rules, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Chain {
    /// Type, hook, priority and policy, where the kernel calls it.
    pub(crate) hook: Option<(String, String, i64, String)>,
    /// Its rules.
    pub(crate) rules: Vec<ListedRule>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedRule {
    /// Our id, if it has one.
    pub(crate) id: Option<String>,
    /// What it does, in [`plain`] form.
    pub(crate) expressions: Value,
    /// What it counted: packets and bytes.
    pub(crate) counted: Option<(u64, u64)>,
}

/// A set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Set {
    /// Types of its key, one a part.
    pub(crate) key: Vec<String>,
    /// Its flags.
    pub(crate) flags: Vec<String>,
    /// The most it holds.
    pub(crate) size: Option<u64>,
    /// How long an element lives, in seconds.
    pub(crate) timeout: Option<u64>,
    /// Its elements, as listed.
    pub(crate) elements: Vec<Value>,
}

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
    /// Its types, one a part. An expression whose type is not known here is told as it stands.
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
        let mut listing = Self::default();
        for item in document.nftables {
            for (kind, value) in item {
                listing.take(&kind, value).with_context(|| format!("nft printed a {kind} that cannot be read"))?;
            }
        }
        Ok(listing)
    }

    /// The bridges that the table guards, by its own rules.
    pub(crate) fn bridges(&self) -> Vec<String> {
        let rules = self.chains.get(PREROUTING).map(|chain| chain.rules.as_slice()).unwrap_or_default();
        rules.iter().filter_map(|rule| self.dialect.entrance(&rule.expressions).map(str::to_owned)).collect()
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

impl Set {
    /// The elements as ranges, sorted and merged.
    ///
    /// # Errors
    /// If one is no address, range or prefix.
    pub(crate) fn ranges(&self) -> Result<Vec<IpNet>> {
        let mut ranges = Vec::with_capacity(self.elements.len());
        for element in &self.elements {
            ranges_of(element, &mut ranges).with_context(|| format!("{element} is no range of addresses"))?;
        }
        Ok(crate::group::merged(&ranges))
    }
}

fn ranges_of(element: &Value, ranges: &mut Vec<IpNet>) -> Result<()> {
    if let Some(address) = element.as_str() {
        ranges.push(IpNet::from(address.parse::<IpAddr>()?));
        return Ok(());
    }
    if let Some(prefix) = element.get("prefix") {
        let address = prefix.get("addr").and_then(Value::as_str).context("no address")?.parse()?;
        let length = prefix.get("len").and_then(Value::as_u64).context("no length")?;
        ranges.push(IpNet::new(address, u8::try_from(length)?)?);
        return Ok(());
    }
    let ends = element.get("range").and_then(Value::as_array).context("neither prefix nor range")?;
    let address = |index| {
        ends.get(index).and_then(Value::as_str).context("no end").and_then(|text: &str| Ok(text.parse::<IpAddr>()?))
    };
    match (address(0)?, address(1)?) {
        (IpAddr::V4(first), IpAddr::V4(last)) => ranges.extend(Ipv4Subnets::new(first, last, 0).map(IpNet::V4)),
        (IpAddr::V6(first), IpAddr::V6(last)) => ranges.extend(Ipv6Subnets::new(first, last, 0).map(IpNet::V6)),
        _ => bail!("two families"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_prefixes_and_ranges_become_the_fewest_ranges() {
        let elements = vec![
            json!("10.0.0.0"),
            json!({"range": ["10.0.0.1", "10.0.0.3"]}),
            json!({"prefix": {"addr": "10.0.0.4", "len": 30}}),
        ];
        let set = Set { elements, ..Set::default() };
        assert_eq!(set.ranges().unwrap(), ["10.0.0.0/29".parse().unwrap()]);
    }

    #[test]
    fn an_element_that_is_no_range_is_an_error_and_no_empty_set() {
        for odd in [
            json!("ten"),
            json!(7),
            json!({"prefix": {"addr": "10.0.0.0", "len": 99}}),
            json!({"range": ["10.0.0.1", "::1"]}),
        ] {
            let set = Set { elements: vec![odd.clone()], ..Set::default() };
            assert!(set.ranges().is_err(), "{odd}");
        }
    }

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
