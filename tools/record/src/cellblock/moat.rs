//! `cellblock.moat`: a rule or a set of the moat, as `netguard plan` says it and `netguard apply -` reads it.
//!
//! A rule is a list of conditions out of a fixed vocabulary, never text of the packet filter's own language. So a line
//! can hold nothing that the moat has no word for.

use serde::{Deserialize, Serialize};

use crate::fields::field_set;

field_set! {
    /// One part of the moat; exactly one of `rule` and `set` in a planned line.
    Moat {
        /// The rule that the line is about.
        rule: MoatRule,
        /// A set of addresses, or a part of one.
        set: MoatSet,
        /// What a run changed or found.
        tally: MoatTally,
        /// The same in the packet filter's own language, for people.
        shown: String,
        /// What the kernel holds in its place, where that differs.
        found: String,
    }
}

field_set! {
    /// What a run changed, in numbers.
    MoatTally {
        /// How many rules were loaded.
        rules: u64,
        /// Ranges of addresses loaded.
        ranges: u64,
        /// Entries taken out of connection tracking, because the rules would have refused them.
        flushed: u64,
    }
}

/// One rule: when all conditions hold, the verdict is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoatRule {
    /// The chain it stands in.
    pub chain: String,
    /// Its place in the chain, from 1.
    pub position: u32,
    /// The conditions; all of them must hold.
    pub when: Vec<MoatCondition>,
    /// What happens to a packet for which all of `when` hold.
    pub verdict: MoatVerdict,
}

/// What happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoatVerdict {
    /// It passes, as far as this table is concerned.
    Accept,
    /// It ends here, and its sender hears nothing.
    Drop,
    /// It ends here, and its sender gets an answer.
    Reject(MoatAnswer),
    /// The rules of another chain decide.
    Goto(String),
    /// It is counted in this set of flows, and the next rule decides.
    Record(String),
    /// Its interface, source and destination go into this set of judged pairs, and the next rule decides.
    Remember(String),
}

/// The answer to a sender whose packet ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoatAnswer {
    /// TCP's reset (RFC 9293, 3.10.7).
    TcpReset,
    /// ICMP's "administratively prohibited" (RFC 1812, 5.2.7.1; RFC 4443, 3.1).
    AdminProhibited,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoatCondition {
    /// It came in on this bridge.
    From(String),
    /// It did not come in on this bridge.
    NotFrom(String),
    /// It leaves by this bridge.
    Into(String),
    /// Its source lies in one of these ranges.
    Source(Vec<String>),
    /// Its source lies outside this range, and is of its family.
    SourceOutside(String),
    /// Its source lies in this set.
    SourceIn(String),
    /// Its destination lies in one of these ranges.
    Destination(Vec<String>),
    /// Its destination lies in this set.
    DestinationIn(String),
    /// It is `ICMPv6` of one of these types, in nft's names.
    Icmpv6(Vec<String>),
    /// Its IPv6 hop limit is this.
    HopLimit(u8),
    /// Its destination port is this one.
    Port(MoatPort),
    /// It is of this protocol, `tcp`.
    Transport(String),
    /// Whether its protocol has ports.
    HasPorts(bool),
    /// It carries this IPv4 option.
    IpOption(String),
    /// It carries an IPv6 routing header.
    RoutingHeader,
    /// It answers a connection that the other side opened.
    Answer,
    /// It is part of its connection, and no error message about it (`ICMP`, `ICMPv6`).
    Belongs,
    /// Its source is no address of another machine: the host's own, or a group's.
    SourceOwn,
    /// Its source is one machine's, and not the host's own.
    SourceUnicast,
    /// Its destination is the host's own address, or a group that the host may listen to.
    DestinationOwn,
    /// Nothing in its headers is there to be judged but source and destination: an IPv4 header without
    /// options, or TCP or UDP right behind the IPv6 header.
    Bare(u8),
    /// All rules let this source reach this destination from this interface some seconds ago: they are in this set.
    Judged(String),
    /// Its flow is not in this set of flows yet.
    NewTo(String),
    /// No more than so many packets a second came here, or had been saved up in a second.
    AtMost(u32),
    /// Its sender has used up what it may add to the sets of flows of this budget.
    Spent(String),
}

/// A port of a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoatPort {
    /// `tcp` or `udp`.
    pub transport: String,
    /// The port's number, 1 to 65535.
    pub number: u16,
}

/// A set of address ranges, in parts, so that no line grows without bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoatSet {
    /// The name by which rules refer to it.
    pub name: String,
    /// Which part this is, from 1.
    pub part: u32,
    /// How many parts there are.
    pub parts: u32,
    /// Ranges as `address/prefix`.
    pub ranges: Vec<String>,
}
