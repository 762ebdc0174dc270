//! `source.*`, `destination.*`, `network.*` and `dns.*`.

use std::net::IpAddr;

use super::field_set;

field_set! {
    /// One end of a connection: `source.*` or `destination.*`.
    Endpoint {
        /// As it was asked for: an address or a name.
        address: String,
        /// The IPv4 or IPv6 address.
        ip: IpAddr,
        /// Port, 1 to 65535.
        port: u16,
        /// The host name, where one is known.
        domain: String,
        /// Bytes sent by this end.
        bytes: u64,
        /// Packets sent by this end.
        packets: u64,
    }
}

impl Endpoint {
    /// An end known by its address alone.
    #[must_use]
    pub fn ip(ip: IpAddr) -> Self {
        Self { ip: Some(ip), ..Self::default() }
    }
}

field_set! {
    /// `network.*`: how two ends talked.
    Network {
        /// What the network is called in the policy.
        name: String,
        /// `ipv4` or `ipv6`.
        #[serde(rename = "type")]
        kind: String,
        /// `tcp`, `udp`, `icmp`, `ipv6-icmp`.
        transport: String,
        /// `http`, `tls`, `dns`, …
        protocol: String,
        /// IANA's protocol number, as text (ECS: keyword).
        iana_number: String,
        /// `egress`, `ingress`, `internal`, …
        direction: String,
        /// Bytes in both directions.
        bytes: u64,
        /// Packets in both directions.
        packets: u64,
    }
}

field_set! {
    /// `dns.question.*`
    Question {
        /// The name that was asked for, without a final dot.
        name: String,
        /// `A`, `AAAA`, …
        #[serde(rename = "type")]
        kind: String,
    }
}

field_set! {
    /// `dns.*`
    Dns {
        /// The question that was asked.
        question: Question,
        /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …
        response_code: String,
        /// The addresses in the answer.
        resolved_ip: Vec<IpAddr>,
    }
}
