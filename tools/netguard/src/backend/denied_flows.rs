//! Denied flows, as the kernel counts them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::backend::ruleset::Listing;
use crate::rules::role::Role;
use crate::rules::table::{FLOWS, FlowSet, REFUSE, ported};

/// One refused flow: a sender, and what it tried to reach.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow {
    /// The bridge it came in on.
    pub(crate) bridge: String,
    /// The sender's address.
    pub(crate) source: IpAddr,
    /// The address that it tried.
    pub(crate) destination: IpAddr,
    /// Over which protocol, in nft's name or as a number.
    pub(crate) protocol: String,
    /// The port that it tried, where the protocol has one.
    pub(crate) port: Option<u16>,
}

/// What a flow was counted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    /// How many packets were refused.
    pub(crate) packets: u64,
    /// How many bytes they had, headers included.
    pub(crate) bytes: u64,
}

/// The flows in the sets of a listing.
///
/// # Errors
/// If nft printed an element that is no flow.
pub(crate) fn read(listing: &Listing) -> Result<Vec<(Flow, Count)>> {
    let mut flows = Vec::new();
    for (name, found) in &listing.sets {
        let Some(set) = FlowSet::named(name) else { continue };
        for element in &found.elements {
            flows.push(flow(&set, element).with_context(|| format!("nft printed {element}, which is no flow"))?);
        }
    }
    Ok(flows)
}

/// What was refused without a record of its own, by network: of senders that had spent their budget. The
/// rules count it, so it begins anew when they are loaded.
pub(crate) fn unrecorded(listing: &Listing) -> BTreeMap<String, Count> {
    let mut unrecorded: BTreeMap<String, Count> = BTreeMap::new();
    for (chain, found) in &listing.chains {
        let Some(network) = chain.strip_prefix(REFUSE) else { continue };
        let spent = |id: &String| matches!(Role::of(id), Role::Spent { .. });
        for rule in found.rules.iter().filter(|rule| rule.id.as_ref().is_some_and(spent)) {
            let (packets, bytes) = rule.counted.unwrap_or_default();
            let sum = unrecorded.entry(network.to_owned()).or_default();
            *sum = Count { packets: sum.packets + packets, bytes: sum.bytes + bytes };
        }
    }
    unrecorded.retain(|_, count| count.packets > 0);
    unrecorded
}

/// The sets that hold as much as they may: what came after that is dropped, and not recorded.
pub(crate) fn full(listing: &Listing) -> Vec<FlowSet> {
    let full = |elements: &[Value]| u64::try_from(elements.len()).is_ok_and(|held| held >= FLOWS);
    let named =
        |(name, set): (&String, &crate::backend::ruleset::Set)| FlowSet::named(name).filter(|_| full(&set.elements));
    listing.sets.iter().filter_map(named).collect()
}

fn flow(set: &FlowSet, element: &Value) -> Option<(Flow, Count)> {
    let element = element.get("elem")?;
    let key = element.pointer("/val/concat")?.as_array()?;
    let text = |index: usize| key.get(index).and_then(Value::as_str);
    let protocol = key.get(3)?;
    let flow = Flow {
        bridge: text(0)?.to_owned(),
        source: text(1)?.parse().ok()?,
        destination: text(2)?.parse().ok()?,
        protocol: match protocol.as_str().or_else(|| protocol.as_u64().and_then(ported)) {
            Some(name) => name.to_owned(),
            None => protocol.to_string(),
        },
        port: if set.ported { Some(key.get(4)?.as_u64()?.try_into().ok()?) } else { None },
    };
    let number = |name: &str| element.pointer(&format!("/counter/{name}")).and_then(Value::as_u64);
    Some((flow, Count { packets: number("packets")?, bytes: number("bytes")? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listing(set: &str, elements: &Value) -> Listing {
        let set = json!({"name": set, "table": "netguard", "type": ["ifname"], "elem": elements});
        Listing::parse(json!({"nftables": [{"set": set}]}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_flow_with_a_port_and_one_without_are_read() {
        let counter = json!({"packets": 3, "bytes": 180});
        let with = listing(
            "flows4-cell",
            &json!([{"elem": {"val": {"concat": ["br-cell", "172.30.1.2", "10.0.0.1", "tcp", 80]}, "expires": 9, "counter": counter}}]),
        );
        let without = listing(
            "other6-cell",
            &json!([{"elem": {"val": {"concat": ["br-cell", "fd00::2", "fe80::1", 99]}, "expires": 9, "counter": counter}}]),
        );
        let (flow, count) = read(&with).unwrap().remove(0);
        assert_eq!((flow.port, flow.protocol.as_str(), count.packets, count.bytes), (Some(80), "tcp", 3, 180));
        let (flow, _) = read(&without).unwrap().remove(0);
        assert_eq!((flow.port, flow.protocol.as_str()), (None, "99"));
        let unnamed = listing(
            "flows4-cell",
            &json!([{"elem": {"val": {"concat": ["br-cell", "172.30.1.2", "10.0.0.1", 17, 53]}, "expires": 9, "counter": counter}}]),
        );
        assert_eq!(read(&unnamed).unwrap().remove(0).0.protocol, "udp");
    }

    #[test]
    fn what_went_unrecorded_is_told_by_network_and_a_set_that_is_full_as_well() {
        let plan = crate::rules::plan::tests::plan();
        let told = |(packets, rule): (u64, &crate::rules::rule::Rule)| {
            let counter = json!({"counter": {"packets": packets, "bytes": packets * 28}});
            json!({"rule": {"chain": rule.chain, "comment": rule.id, "expr": [counter]}})
        };
        // Of senders that have spent their budget are the first four.
        let rules: Vec<Value> = (1..).zip(plan.rules_of("refuse-cell")).map(told).collect();
        let listing = Listing::parse(json!({"nftables": rules}).to_string().as_bytes()).unwrap();
        let count = Count { packets: 1 + 2 + 3 + 4, bytes: 280 };
        assert_eq!(unrecorded(&listing), BTreeMap::from([("cell".to_owned(), count)]));
        assert_eq!(full(&self::listing("flows4-cell", &json!(vec!["x"; 16384]))).len(), 1);
        assert!(full(&self::listing("flows4-cell", &json!(vec!["x"; 16383]))).is_empty());
    }

    #[test]
    fn an_element_that_is_no_flow_is_an_error() {
        assert!(read(&listing("flows4-cell", &json!(["10.0.0.1"]))).is_err());
    }
}
