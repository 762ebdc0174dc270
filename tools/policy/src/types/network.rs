//! `[networks]`: every network has a fixed bridge and fixed subnets: the moat's rules can be loaded before the network
//! exists.

use std::borrow::Borrow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::reader::invalid::quoted;
use crate::types::name;
use crate::{BridgeName, Invalid, Service};

/// One network of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name in the policy; Docker knows it as [`Network::docker_name`].
    pub name: NetworkName,
    /// The bridge on the host.
    pub bridge: BridgeName,
    /// Its one IPv4 subnet, private (RFC 1918), /8 to /29.
    pub v4: Ipv4Net,
    /// Its one IPv6 subnet, inside `fc00::/7` (unique local, RFC 4193), /32 to /125.
    pub v6: Ipv6Net,
    /// What the moat lets its members reach.
    pub class: Class,
    /// Docker's `internal` flag: no route out at all.
    pub internal: bool,
    /// May Docker rewrite the source of what leaves? `ingress` must not be masqueraded, and an internal network has
    /// nothing to masquerade.
    pub masquerade: bool,
    /// The services attached to it, in the order of their addresses.
    pub members: Vec<Service>,
}

impl Network {
    /// The name of the Docker network: `cellblock-<name>`.
    pub fn docker_name(&self) -> String {
        format!("cellblock-{}", self.name)
    }

    /// The host's own address on the bridge: the first address of each subnet.
    pub fn gateway(&self) -> (Ipv4Addr, Ipv6Addr) {
        self.address(1)
    }

    /// The fixed addresses of a service on this network, or `None` if it is no member.
    pub fn address_of(&self, service: Service) -> Option<(Ipv4Addr, Ipv6Addr)> {
        self.members.contains(&service).then(|| self.address(service.host_number()))
    }

    /// The IPv4 subnet, and then the IPv6 one.
    pub fn subnets(&self) -> [IpNet; 2] {
        [self.v4.into(), self.v6.into()]
    }

    fn address(&self, number: u8) -> (Ipv4Addr, Ipv6Addr) {
        let v4 = u32::from(self.v4.network()) | u32::from(number);
        let v6 = u128::from(self.v6.network()) | u128::from(number);
        (Ipv4Addr::from(v4), Ipv6Addr::from(v6))
    }
}

/// What the moat enforces on a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The internet and nothing else.
    Open,
    /// Its own peers, and answers to what they were asked; nothing else.
    Sealed,
}

/// The name of a network: a lower-case letter, then up to 30 of `a-z 0-9 -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkName(String);

impl NetworkName {
    /// The name of the network that the cell is on.
    pub const CELL: &'static str = "cell";
    /// The network through which the published port comes in when the cell is proxied.
    pub const INGRESS: &'static str = "ingress";
    /// The name of the network that the monitor is on.
    pub const MONITOR: &'static str = "monitor";
    /// The warden's network, which clamd's freshclam uses.
    pub const WARDEN: &'static str = "warden";
    /// The cell's way to the names whose key the gate adds, when the cell is open.
    pub const MODEL: &'static str = "model";
    /// The gate's way out.
    pub const EGRESS: &'static str = "egress";

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NetworkName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if name::NETWORK.allows(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(
            format!("{} is no network name", quoted(text)),
            "write a lower-case letter, then up to 30 of a-z, 0-9 and '-'",
        ))
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for NetworkName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for NetworkName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for NetworkName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
