//! Rules and sets in nft's own language. Only checked words come here (see `validate`), so that
//! nothing need be quoted beyond what nft wants quoted.

use std::fmt::Write as _;

use ipnet::IpNet;
use record::cellblock::{MoatAnswer as Answer, MoatCondition as Condition, MoatVerdict as Verdict};

use crate::rules::address_set::{Family, SetName};
use crate::rules::rule::Rule;
use crate::rules::table::{A_MINUTE, BURST, FlowSet, OWN, PORTED, Pairs, UNICAST};

/// What an IPv6 header may be followed by where nothing else is to be judged.
pub(crate) const BEHIND: [&str; 2] = ["tcp", "udp"];
/// The first byte of an IPv4 header without options (RFC 791): the version, and its length in words of 32 bits.
pub(crate) const BARE: u8 = 0x45;
/// Where an IPv4 header has its source and its destination (RFC 791): the first bit, and how many.
pub(crate) const ENDS: [(u32, u32); 2] = [(96, 32), (128, 32)];

/// A whole rule, as it stands after `add rule TABLE CHAIN`.
pub(crate) fn rule(rule: &Rule) -> String {
    let mut words: Vec<String> = rule.when.iter().map(condition).collect();
    if counts(rule) {
        words.push("counter".to_owned());
    }
    words.push(verdict(&rule.verdict));
    words.push(format!("comment \"{}\"", rule.id));
    words.join(" ")
}

/// Whether a rule counts what it decides. One that only fills a set need not. One that nearly every packet meets would
/// make each of them wait for it.
pub(crate) fn counts(rule: &Rule) -> bool {
    let judged = |condition: &Condition| matches!(condition, Condition::Judged(_));
    match rule.verdict {
        Verdict::Record(_) | Verdict::Remember(_) => false,
        Verdict::Accept => !rule.when.iter().any(judged),
        Verdict::Drop | Verdict::Reject(_) | Verdict::Goto(_) => true,
    }
}

/// The expression after `ip` or `ip6` of a range, without a prefix where it is one address.
pub(crate) fn range(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// The header that a range written as text belongs to. Checked text only: one with a colon is IPv6.
pub(crate) fn family(net: &str) -> Family {
    if net.contains(':') { Family::V6 } else { Family::V4 }
}

fn bare(net: &str) -> String {
    net.parse::<IpNet>().map_or_else(|_| net.to_owned(), |net| range(&net))
}

/// The family of a set's name: its last character.
pub(crate) fn family_of_set(name: &str) -> Family {
    SetName::named(name).map_or(Family::V4, |set| set.1)
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::From(bridge) => format!("iifname \"{bridge}\""),
        Condition::NotFrom(bridge) => format!("iifname != \"{bridge}\""),
        Condition::Into(bridge) => format!("oifname \"{bridge}\""),
        Condition::Source(nets) => address("saddr", nets),
        Condition::SourceOutside(net) => format!("{} saddr != {}", family(net).header(), bare(net)),
        Condition::Destination(nets) => address("daddr", nets),
        Condition::SourceIn(set) => format!("{} saddr @{set}", family_of_set(set).header()),
        Condition::DestinationIn(set) => format!("{} daddr @{set}", family_of_set(set).header()),
        Condition::Icmpv6(kinds) => format!("icmpv6 type {}", braces(kinds)),
        Condition::HopLimit(limit) => format!("ip6 hoplimit {limit}"),
        Condition::Port(port) => format!("{} dport {}", port.transport, port.number),
        Condition::Transport(name) => format!("meta l4proto {name}"),
        Condition::HasPorts(true) => format!("meta l4proto {}", braces(&PORTED)),
        Condition::HasPorts(false) => format!("meta l4proto != {}", braces(&PORTED)),
        Condition::IpOption(name) => format!("ip option {name} exists"),
        Condition::RoutingHeader => "exthdr rt exists".to_owned(),
        Condition::Answer => "ct direction reply".to_owned(),
        Condition::Belongs => "ct state established".to_owned(),
        Condition::SourceOwn => format!("fib saddr type {}", braces(&OWN)),
        Condition::SourceUnicast => format!("fib saddr type {UNICAST}"),
        Condition::DestinationOwn => format!("fib daddr type {}", braces(&OWN)),
        // Version 4 and five words of header, in one byte.
        Condition::Bare(4) => format!("@nh,0,8 {BARE}"),
        Condition::Bare(_) => format!("ip6 nexthdr {}", braces(&BEHIND)),
        Condition::Judged(set) => format!("{} @{set}", pair_in(set)),
        Condition::NewTo(set) => format!("{} != @{set}", FlowSet::named(set).as_ref().map(key).unwrap_or_default()),
        Condition::AtMost(packets) => format!("limit rate {packets}/second burst {packets} packets"),
        Condition::Spent(set) => {
            format!("update @{set} {{ ether saddr limit rate over {A_MINUTE}/minute burst {BURST} packets }}")
        }
    }
}

fn address(field: &str, nets: &[String]) -> String {
    let header = nets.first().map_or(Family::V4, |net| family(net)).header();
    let nets: Vec<String> = nets.iter().map(|net| bare(net)).collect();
    match nets.as_slice() {
        [one] => format!("{header} {field} {one}"),
        many => format!("{header} {field} {}", braces(many)),
    }
}

fn braces<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [one] => one.as_ref().to_owned(),
        many => format!("{{ {} }}", many.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")),
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Reject(Answer::TcpReset) => "reject with tcp reset".to_owned(),
        Verdict::Reject(Answer::AdminProhibited) => "reject with icmpx type admin-prohibited".to_owned(),
        Verdict::Goto(chain) => format!("goto {chain}"),
        Verdict::Record(set) => {
            format!("add @{set} {{ {} }}", FlowSet::named(set).as_ref().map(key).unwrap_or_default())
        }
        Verdict::Remember(set) => format!("add @{set} {{ {} }}", pair_in(set)),
    }
}

fn pair_in(set: &str) -> String {
    Pairs::named(set).map(pair).unwrap_or_default()
}

/// What a set of pairs is made of. See [`Pairs`] for why the addresses of IPv4 are not called by their names.
pub(crate) fn pair(set: Pairs) -> String {
    match set.family {
        Family::V4 => format!("iif . @nh,{} . @nh,{}", raw(ENDS[0]), raw(ENDS[1])),
        Family::V6 => "iif . ip6 saddr . ip6 daddr".to_owned(),
    }
}

fn raw((offset, length): (u32, u32)) -> String {
    format!("{offset},{length}")
}

fn key(set: &FlowSet) -> String {
    let header = set.family.header();
    let mut key = format!("iifname . {header} saddr . {header} daddr . meta l4proto");
    if set.ported {
        key.push_str(" . th dport");
    }
    key
}

/// Ranges as the elements of a set, `{ … }` around them.
pub(crate) fn elements(ranges: &[IpNet]) -> String {
    let mut text = String::with_capacity(ranges.len() * 20 + 4);
    for (index, net) in ranges.iter().enumerate() {
        text.push_str(if index == 0 { "{ " } else { ", " });
        let _ = if net.prefix_len() == net.max_prefix_len() {
            write!(text, "{}", net.addr())
        } else {
            write!(text, "{net}")
        };
    }
    text.push_str(" }");
    text
}
