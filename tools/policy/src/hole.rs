//! A hole in the moat: as narrow as one can be.

use std::fmt;
use std::net::IpAddr;

use crate::NetworkName;

/// One exception of the moat, written `"<network> <addr>:<port>/<tcp|udp>"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The network whose members may use it; of class open.
    pub network: NetworkName,
    /// The one address behind it; unicast, and outside every network of the policy.
    pub addr: IpAddr,
    /// The one port, 1 to 65535.
    pub port: u16,
    /// The one protocol.
    pub protocol: Protocol,
}

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`, as nftables and ECS write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The notation of the policy: `cell 192.168.1.53:53/udp`, `cell [2001:db8::1]:443/tcp`.
impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            network,
            addr,
            port,
            protocol,
        } = self;
        match addr {
            IpAddr::V4(v4) => write!(f, "{network} {v4}:{port}/{protocol}"),
            IpAddr::V6(v6) => write!(f, "{network} [{v6}]:{port}/{protocol}"),
        }
    }
}
