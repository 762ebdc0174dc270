//! Denied flows, as the kernel counts them.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::listing::Listing;
use crate::table::FlowSet;

/// Who tried to reach whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow {
    /// The bridge it came in on.
    pub(crate) bridge: String,
    /// Who.
    pub(crate) source: IpAddr,
    /// Whom.
    pub(crate) destination: IpAddr,
    /// Over which protocol, in nft's name or as a number.
    pub(crate) protocol: String,
    /// To which port, where the protocol has one.
    pub(crate) port: Option<u16>,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    /// Packets.
    pub(crate) packets: u64,
    /// Bytes, headers included.
    pub(crate) bytes: u64,
}

/// The flows in the sets of a listing.
///
/// # Errors
/// If nft printed an element that is no flow.
pub(crate) fn read(listing: &Listing) -> Result<Vec<(Flow, Count)>> {
    let mut flows = Vec::new();
    for set in FlowSet::all() {
        let elements = listing.sets.get(&set.name()).map(|set| set.elements.as_slice()).unwrap_or_default();
        for element in elements {
            flows.push(flow(set, element).with_context(|| format!("nft printed {element}, which is no flow"))?);
        }
    }
    Ok(flows)
}

fn flow(set: FlowSet, element: &Value) -> Option<(Flow, Count)> {
    let element = element.get("elem")?;
    let key = element.pointer("/val/concat")?.as_array()?;
    let text = |index: usize| key.get(index).and_then(Value::as_str);
    let protocol = key.get(3)?;
    let flow = Flow {
        bridge: text(0)?.to_owned(),
        source: text(1)?.parse().ok()?,
        destination: text(2)?.parse().ok()?,
        protocol: protocol.as_str().map_or_else(|| protocol.to_string(), str::to_owned),
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
            "flows4",
            &json!([{"elem": {"val": {"concat": ["br-cell", "172.30.1.2", "10.0.0.1", "tcp", 80]}, "expires": 9, "counter": counter}}]),
        );
        let without = listing(
            "other6",
            &json!([{"elem": {"val": {"concat": ["br-cell", "fd00::2", "fe80::1", 99]}, "expires": 9, "counter": counter}}]),
        );
        let (flow, count) = read(&with).unwrap().remove(0);
        assert_eq!((flow.port, flow.protocol.as_str(), count.packets, count.bytes), (Some(80), "tcp", 3, 180));
        let (flow, _) = read(&without).unwrap().remove(0);
        assert_eq!((flow.port, flow.protocol.as_str()), (None, "99"));
    }

    #[test]
    fn an_element_that_is_no_flow_is_an_error() {
        assert!(read(&listing("flows4", &json!(["10.0.0.1"]))).is_err());
    }
}
