//! Connections from before the rules. The kernel remembers who opened each; an answer passes. So a connection that the
//! rules would have refused must be forgotten, or its answers pass for ever.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result};

use crate::host::interfaces::Machine;
use crate::host::netlink::{Message, Netlink, append, attribute, field};
use crate::host::numbers::*;
use crate::rules::evaluate::{Fate, Packet, forward, outward};
use crate::rules::plan::Plan;
use record::cellblock::MoatCondition as Condition;

/// A connection that the kernel tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// The address that opened it.
    pub(crate) source: IpAddr,
    /// Whom it was opened to, before any translation.
    pub(crate) destination: IpAddr,
    /// Who answers, after translation.
    pub(crate) answerer: IpAddr,
    /// IANA's number of the protocol.
    pub(crate) protocol: u8,
    /// The destination port, where the protocol has one.
    pub(crate) port: Option<u16>,
    /// What names it to the kernel: attributes of a deletion.
    name: Vec<u8>,
}

/// Where the guarded networks are: a bridge and the ranges its members have, taken from the plan itself.
fn guarded(plan: &Plan) -> Vec<(&str, Vec<ipnet::IpNet>)> {
    plan.bridges()
        .into_iter()
        .map(|bridge| {
            let entrance = plan.rules.iter().find(|rule| rule.when == [Condition::From(bridge.to_owned())]);
            let chain = entrance.and_then(|rule| match &rule.verdict {
                record::cellblock::MoatVerdict::Goto(chain) => Some(chain.as_str()),
                _ => None,
            });
            let ranges = plan.rules_of(chain.unwrap_or_default()).flat_map(|rule| &rule.when).filter_map(|condition| {
                match condition {
                    Condition::SourceOutside(net) => net.parse().ok(),
                    _ => None,
                }
            });
            (bridge, ranges.collect())
        })
        .collect()
}

/// Whether the rules would have refused a connection. With `fresh`, when no rules stood before, also those that the
/// host itself seems to have opened: a member may have forged them. Over IPv6 the kernel lets pass a packet from
/// outside that has the host's own address.
pub(crate) fn refused(plan: &Plan, machine: &Machine, fresh: bool, connection: &Connection) -> bool {
    guarded(plan).iter().any(|(bridge, ranges)| {
        let member = |address| ranges.iter().any(|range| range.contains(&address));
        let packet = Packet {
            from: bridge,
            into: None,
            source: connection.source,
            destination: connection.destination,
            transport: match connection.protocol {
                6 => "tcp",
                17 => "udp",
                _ => "other",
            },
            port: connection.port,
            answer: false,
            own_source: machine.owns(connection.source),
            own_destination: machine.owns(connection.destination) || connection.destination.is_multicast(),
        };
        // Who answers is where it went, if another program led it somewhere else.
        let own_destination = machine.owns(connection.answerer);
        let led = Packet { destination: connection.answerer, own_destination, ..packet.clone() };
        if member(connection.source) && !packet.own_source {
            return [&packet, &led].into_iter().any(|packet| matches!(outward(plan, packet), Fate::Dropped(_)));
        }
        if member(connection.answerer) {
            let inward = Packet { from: "", into: Some(*bridge), ..led };
            let outside = !inward.own_source && matches!(forward(plan, &inward), Fate::Dropped(_));
            return outside || (fresh && inward.own_source);
        }
        false
    })
}

/// Forgets every connection that the rules would have refused; returns how many.
///
/// # Errors
/// If the kernel does not list its connections, or does not forget one.
pub(crate) fn flush(plan: &Plan, machine: &Machine, fresh: bool) -> Result<u64> {
    let mut netlink = Netlink::netfilter()?;
    let mut flushed = 0;
    let keep = |all: &mut Vec<_>, message: Message<'_>| {
        all.extend(parse(message.body).filter(|one| refused(plan, machine, fresh, one)));
    };
    let doomed =
        netlink.dump(IPCTNL_MSG_CT_GET, &EITHER, Vec::new, keep).context("the kernel does not list its connections")?;
    for connection in doomed {
        let mut body = header(connection.source).to_vec();
        body.extend_from_slice(&connection.name);
        flushed +=
            u64::from(netlink.ask(IPCTNL_MSG_CT_DELETE, &body).context("the kernel does not forget a connection")?);
    }
    Ok(flushed)
}

/// `struct nfgenmsg`, for both families: the kernel looks through everything that it tracks only once.
const EITHER: [u8; 4] = [0; 4];

/// `struct nfgenmsg`, for the family of an address.
fn header(address: IpAddr) -> [u8; 4] {
    [if address.is_ipv4() { NFPROTO_IPV4 } else { NFPROTO_IPV6 }, 0, 0, 0]
}

fn parse(body: &[u8]) -> Option<Connection> {
    let rest = body.get(4..)?;
    let original = attribute(rest, CTA_TUPLE_ORIG)?;
    let (source, destination) = ends(original)?;
    let (answerer, _) = ends(attribute(rest, CTA_TUPLE_REPLY)?)?;
    let protocol = attribute(original, CTA_TUPLE_PROTO)?;
    let mut name = Vec::new();
    append(&mut name, CTA_TUPLE_ORIG, true, original);
    for kind in [CTA_ZONE, CTA_ID] {
        if let Some(value) = attribute(rest, kind) {
            append(&mut name, kind, false, value);
        }
    }
    Some(Connection {
        source,
        destination,
        answerer,
        protocol: attribute(protocol, CTA_PROTO_NUM).and_then(|value| value.first().copied())?,
        port: attribute(protocol, CTA_PROTO_DST_PORT).and_then(|value| field(value, 0)).map(u16::from_be_bytes),
        name,
    })
}

fn ends(tuple: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let addresses = attribute(tuple, CTA_TUPLE_IP)?;
    let v4 = |kind| {
        attribute(addresses, kind)
            .and_then(|value| field(value, 0))
            .map(|bytes: [u8; 4]| IpAddr::from(Ipv4Addr::from(bytes)))
    };
    let v6 = |kind| {
        attribute(addresses, kind)
            .and_then(|value| field(value, 0))
            .map(|bytes: [u8; 16]| IpAddr::from(Ipv6Addr::from(bytes)))
    };
    let source = v4(CTA_IP_V4_SRC).or_else(|| v6(CTA_IP_V6_SRC))?;
    Some((source, v4(CTA_IP_V4_DST).or_else(|| v6(CTA_IP_V6_DST))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::interfaces::{Address, Link};
    use crate::rules::plan::tests::plan;

    fn machine() -> Machine {
        let address = |own: &str, network: &str| Address {
            link: 2,
            own: own.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        Machine {
            links: vec![Link { index: 2, name: "lan0".to_owned(), ..Link::default() }],
            addresses: vec![address("192.168.77.2", "192.168.77.2/24"), address("172.30.1.1", "172.30.1.1/24")],
            routes: Vec::new(),
        }
    }

    fn connection(source: &str, destination: &str, answerer: &str) -> Connection {
        let ip = |text: &str| text.parse().unwrap();
        Connection {
            source: ip(source),
            destination: ip(destination),
            answerer: ip(answerer),
            protocol: 6,
            port: Some(443),
            name: Vec::new(),
        }
    }

    #[test]
    fn a_member_that_reached_what_it_may_not_is_cut_off_and_one_on_the_internet_is_not() {
        let (plan, machine) = (plan(), machine());
        let cut = |connection: &Connection| refused(&plan, &machine, false, connection);
        assert!(cut(&connection("172.30.1.3", "192.168.77.10", "192.168.77.10")));
        assert!(cut(&connection("172.30.1.3", "192.168.77.2", "192.168.77.2")));
        assert!(cut(&connection("172.30.2.4", "8.8.8.8", "8.8.8.8")));
        assert!(!cut(&connection("172.30.1.3", "8.8.8.8", "8.8.8.8")));
        assert!(!cut(&connection("172.30.1.3", "172.30.1.9", "172.30.1.9")));
        assert!(!cut(&connection("192.168.77.9", "8.8.8.8", "8.8.8.8")));
        assert!(cut(&connection("172.30.1.3", "8.8.8.8", "192.168.77.10")), "another program led it there");
    }

    #[test]
    fn the_lan_is_cut_off_from_a_published_port_and_the_host_only_where_no_rules_stood() {
        let (plan, machine) = (plan(), machine());
        assert!(refused(&plan, &machine, false, &connection("192.168.77.10", "192.168.77.2", "172.30.1.3")));
        let from_host = connection("172.30.1.1", "172.30.1.3", "172.30.1.3");
        assert!(!refused(&plan, &machine, false, &from_host));
        assert!(refused(&plan, &machine, true, &from_host));
    }
}
