//! What the kernel holds, as a backend lists it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde_json::Value;

use crate::backend::dialect::Dialect;
use crate::backend::nft::NftJson;

/// How the kernel calls a chain: type, hook, priority and policy.
pub(crate) type Called = (String, String, i64, String);

/// The moat's table, as the kernel holds it.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// The language that its rules are written in.
    pub(crate) dialect: &'static dyn Dialect,
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
    /// How the kernel calls it, if it does.
    pub(crate) hook: Option<Called>,
    /// Its rules, in the kernel's order.
    pub(crate) rules: Vec<ListedRule>,
}

/// A rule as the kernel lists it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedRule {
    /// Our id, if it has one.
    pub(crate) id: Option<String>,
    /// What it does, in [`plain`](crate::backend::nft::json::plain) form.
    pub(crate) expressions: Value,
    /// What it counted: packets and bytes.
    pub(crate) counted: Option<(u64, u64)>,
}

/// A set as the kernel lists it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Set {
    /// Types of its key, one a part.
    pub(crate) key: Vec<String>,
    /// Its flags, as nft spells them: `interval`, `timeout`, …
    pub(crate) flags: Vec<String>,
    /// The most elements that it holds.
    pub(crate) size: Option<u64>,
    /// How long an element lives, in seconds.
    pub(crate) timeout: Option<u64>,
    /// Its elements, as listed.
    pub(crate) elements: Vec<Value>,
}

impl Default for Listing {
    /// Nothing, which is the same in all words.
    fn default() -> Self {
        Self::empty(&NftJson)
    }
}

impl Listing {
    /// A table of which nothing was read yet, in this dialect.
    pub(crate) fn empty(dialect: &'static dyn Dialect) -> Self {
        let (chains, sets, others) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { dialect, flags: None, generation: None, chains, sets, others }
    }
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
        Ok(crate::rules::address_set::merged(&ranges))
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
}
