//! What a plan does with a packet: the kernel's evaluation, as a pure function.
//!
//! It walks the very rules that are loaded, so that it cannot come to believe in others.

use std::net::IpAddr;

use ipnet::IpNet;
use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};

use crate::rules::address_set::{SetName, holds};
use crate::rules::plan::Plan;
use crate::rules::rule::Rule;
use crate::rules::table::{FORWARD, PREROUTING};

/// A packet, as far as rules look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    /// The interface it came in on.
    pub(crate) from: &'a str,
    /// The interface it leaves by, once routed.
    pub(crate) into: Option<&'a str>,
    /// The address it comes from.
    pub(crate) source: IpAddr,
    /// The address it goes to.
    pub(crate) destination: IpAddr,
    /// Its protocol: `tcp`, `udp`, or any other name.
    pub(crate) transport: &'a str,
    /// Its destination port, where its protocol has one.
    pub(crate) port: Option<u16>,
    /// Whether it answers a connection that the other side opened.
    pub(crate) answer: bool,
    /// Whether its source is the host's own, or a group's.
    pub(crate) own_source: bool,
    /// Whether its destination is the host's own, or a group that the host may be in.
    pub(crate) own_destination: bool,
}

/// What happened to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    /// It passes, and this rule was the last that it met.
    Passes(&'a Rule),
    /// No rule of the moat concerns it.
    Unconcerned,
    /// It is dropped, and this rule is why.
    Dropped(&'a Rule),
}

/// The fate of a packet where it comes in, before it is routed.
pub(crate) fn outward<'a>(plan: &'a Plan, packet: &Packet<'_>) -> Fate<'a> {
    walk(plan, packet, PREROUTING)
}

/// The fate of a packet where it is forwarded.
pub(crate) fn forward<'a>(plan: &'a Plan, packet: &Packet<'_>) -> Fate<'a> {
    walk(plan, packet, FORWARD)
}

fn walk<'a>(plan: &'a Plan, packet: &Packet<'_>, start: &'a str) -> Fate<'a> {
    let mut chain = start;
    let mut reason: Option<&Rule> = None;
    // Every goto leads to another chain and never back, or the kernel had refused the plan.
    for _ in 0..=plan.rules.len() {
        let decided = plan.rules_of(chain).find(|rule| {
            !matches!(rule.verdict, Verdict::Record(_) | Verdict::Remember(_))
                && rule.when.iter().all(|condition| holds_for(plan, condition, packet))
        });
        let Some(rule) = decided else { return Fate::Unconcerned };
        match &rule.verdict {
            Verdict::Accept => return Fate::Passes(rule),
            Verdict::Drop | Verdict::Reject(_) => return Fate::Dropped(reason.unwrap_or(rule)),
            Verdict::Goto(target) => {
                // The way into a chain is no reason; what sends a packet on to be refused is.
                reason = (chain != PREROUTING && chain != FORWARD).then_some(rule);
                chain = target;
            }
            Verdict::Record(_) | Verdict::Remember(_) => return Fate::Unconcerned,
        }
    }
    Fate::Unconcerned
}

fn holds_for(plan: &Plan, condition: &Condition, packet: &Packet<'_>) -> bool {
    let within =
        |nets: &[String], address: IpAddr| nets.iter().any(|net| range(net).is_some_and(|net| net.contains(&address)));
    match condition {
        Condition::From(bridge) => packet.from == bridge,
        Condition::NotFrom(bridge) => packet.from != bridge,
        Condition::Into(bridge) => packet.into == Some(bridge.as_str()),
        Condition::Source(nets) => within(nets, packet.source),
        Condition::SourceOutside(net) => range(net)
            .is_some_and(|net| net.addr().is_ipv4() == packet.source.is_ipv4() && !net.contains(&packet.source)),
        Condition::Destination(nets) => within(nets, packet.destination),
        Condition::SourceIn(set) => within_set(plan, set, packet.source),
        Condition::DestinationIn(set) => within_set(plan, set, packet.destination),
        Condition::Port(port) => packet.transport == port.transport && packet.port == Some(port.number),
        Condition::Transport(name) => packet.transport == name,
        Condition::HasPorts(ported) => *ported == packet.port.is_some(),
        Condition::Answer | Condition::Belongs => packet.answer,
        Condition::SourceOwn => packet.own_source,
        Condition::SourceUnicast => !packet.own_source,
        Condition::DestinationOwn => packet.own_destination,
        // Neighbour discovery, options and routing headers are the kernel's alone to see. So is what was counted so far
        // and what was judged before.
        Condition::Icmpv6(_)
        | Condition::HopLimit(_)
        | Condition::IpOption(_)
        | Condition::RoutingHeader
        | Condition::Bare(_)
        | Condition::Judged(_)
        | Condition::NewTo(_)
        | Condition::AtMost(_)
        | Condition::Spent(_) => false,
    }
}

fn within_set(plan: &Plan, set: &str, address: IpAddr) -> bool {
    SetName::named(set).and_then(|name| plan.sets.get(&name)).is_some_and(|ranges| holds(ranges, address))
}

fn range(text: &str) -> Option<IpNet> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;

    const CELL: &str = "172.30.1.3";

    fn packet<'a>(from: &'a str, source: &str, destination: &str) -> Packet<'a> {
        Packet {
            from,
            into: None,
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            transport: "tcp",
            port: Some(443),
            answer: false,
            own_source: false,
            own_destination: false,
        }
    }

    fn judged(packet: &Packet<'_>) -> (bool, String) {
        match outward(&plan(), packet) {
            Fate::Passes(rule) => (true, rule.id.clone()),
            Fate::Dropped(rule) => (false, rule.id.clone()),
            Fate::Unconcerned => (true, "-".to_owned()),
        }
    }

    #[test]
    fn an_open_bridge_reaches_the_internet_and_its_peers_and_nothing_else() {
        for (destination, passes, rule) in [
            ("8.8.8.8", true, "cell/internet"),
            ("172.30.1.9", true, "cell/peers4"),
            ("172.30.2.4", false, "cell/special4"),
            ("192.168.77.10", false, "cell/special4"),
            ("169.254.169.254", false, "cell/special4"),
            ("5.6.7.10", false, "cell/onlink4"),
            ("8.8.4.4", false, "cell/listed4"),
        ] {
            assert_eq!(judged(&packet("br-cell", CELL, destination)), (passes, rule.to_owned()), "{destination}");
        }
        assert_eq!(judged(&packet("br-cell", "fd6c:6c62:1::3", "2a0a:77::10")), (false, "cell/onlink6".to_owned()));
        assert_eq!(judged(&packet("br-cell", "fd6c:6c62:1::3", "2606:4700::1")), (true, "cell/internet".to_owned()));
    }

    #[test]
    fn the_gateway_is_the_host_although_it_lies_among_the_peers() {
        let packet = Packet { own_destination: true, ..packet("br-cell", CELL, "172.30.1.1") };
        assert_eq!(judged(&packet), (false, "cell/host".to_owned()));
    }

    #[test]
    fn a_forged_source_is_refused_before_it_can_pass_for_an_answer() {
        let forged = Packet { answer: true, ..packet("br-cell", "192.168.77.10", "8.8.8.8") };
        assert_eq!(judged(&forged), (false, "cell/source4".to_owned()));
        let own = Packet { answer: true, own_source: true, ..packet("br-cell", "172.30.1.1", "8.8.8.8") };
        assert_eq!(judged(&own), (false, "cell/source-own".to_owned()));
        let answer = Packet { answer: true, ..packet("br-monitor", "172.30.2.4", "172.30.2.1") };
        assert_eq!(judged(&answer), (true, "monitor/answers".to_owned()));
    }

    #[test]
    fn a_sealed_bridge_reaches_its_peers_alone() {
        assert_eq!(judged(&packet("br-monitor", "172.30.2.4", "8.8.8.8")), (false, "monitor/sealed".to_owned()));
        assert_eq!(judged(&packet("br-monitor", "172.30.2.4", "172.30.2.2")), (true, "monitor/peers4".to_owned()));
    }

    #[test]
    fn another_bridge_is_no_concern_of_ours_until_it_leads_into_a_guarded_one() {
        assert_eq!(judged(&packet("docker0", "172.17.0.2", "192.168.77.10")), (true, "-".to_owned()));
        let plan = plan();
        let mut inward = packet("lan0", "192.168.77.10", CELL);
        inward.into = Some("br-cell");
        assert!(matches!(forward(&plan, &inward), Fate::Dropped(_)));
        inward.answer = true;
        assert!(matches!(forward(&plan, &inward), Fate::Passes(_)));
        (inward.answer, inward.from) = (false, "br-cell");
        assert!(matches!(forward(&plan, &inward), Fate::Dropped(rule) if rule.id == "cell/source4"));
    }
}
