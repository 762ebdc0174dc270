//! `cellblock.probe.*`: a try to get out, as `egress-check plan` prints it and `run` reads it back.
//!
//! ECS fields of the same record tell where it goes, what name it asks for and who runs it. They are `rule.id`,
//! `destination`, `network`, `dns.question`, `tls.client`, `url`, `http.request` and `container`. Here is only what ECS
//! has no word for.

use serde::{Deserialize, Serialize};

/// The protocol that a probe tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// A TCP connection, a neutral request, and the first bytes that come back.
    Tcp,
    /// A UDP datagram, and one that comes back.
    Udp,
    /// An ICMP or `ICMPv6` echo request.
    Icmp,
    /// A plain HTTP/1.1 request.
    Http,
    /// An HTTP/1.1 request inside TLS.
    Https,
    /// A TLS handshake.
    Tls,
    /// A WebSocket upgrade (RFC 6455) over plain HTTP.
    Ws,
    /// A WebSocket upgrade inside TLS.
    Wss,
    /// A DNS question over UDP.
    Dns,
    /// A DNS question over TCP.
    DnsTcp,
    /// A DNS question over TLS (RFC 7858).
    Dot,
    /// A DNS question over HTTPS (RFC 8484).
    Doh,
    /// A QUIC long-header packet of a version nobody speaks, which a server answers (RFC 8999).
    Quic,
    /// A Unix socket by its path in the container's own file tree, asked as an HTTP API.
    Unix,
    /// A raw socket of the address's family, opened with no more capabilities than the container has;
    /// nothing is sent.
    Raw,
    /// A UDP datagram that answers the control in the destination's name; whether it arrives is seen there.
    Forged,
}

/// What the policy says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// It must get through, or something that should work does not.
    Pass,
    /// It must not get through.
    Blocked,
}

/// What counts as having reached the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Anything that comes back from the destination.
    #[default]
    Target,
    /// Only what comes from behind the gate: a refusal that the gate itself speaks is none.
    BeyondGate,
    /// A DNS answer that only a resolver outside can have given.
    OutsideName,
}

/// What the control sends, where that is not the probe itself: a name asked of the gate is asked
/// of the name's own server outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeControl {
    /// The protocol that is tried.
    pub kind: ProbeKind,
    /// The target: an address or a name.
    pub address: String,
    /// 1 to 65535; 0 for what has no port.
    pub port: u16,
}

/// `cellblock.probe.*`: one try to reach a target, and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The protocol that is tried.
    pub kind: ProbeKind,
    /// What the policy says must come of it.
    pub expect: Expect,
    /// What counts as reaching the target.
    #[serde(default)]
    pub evidence: Evidence,
    /// How long to wait, in milliseconds, 1 to 600,000; the run's own where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Put a label of its own before the DNS name, new in every run, so that no cache can answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// What the control sends instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ProbeControl>,
    /// What the probe saw from inside, in a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// What the control saw from outside, in a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_seen: Option<String>,
}

/// `cellblock.pin.*`: what `egress-check pin` found. The certificate's own hash is `tls.server.hash.sha256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinCheck {
    /// SHA-256 of the leaf certificate (DER), `sha256:` and 64 hex digits.
    pub leaf: String,
    /// SHA-256 of its public key (SPKI), in the same notation: it outlives a renewal with the same key.
    pub spki: String,
    /// The pin that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<String>,
    /// Did the WebSocket handshake end well?
    pub websocket: bool,
    /// The first message that the server sent, escaped and cut to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
}
