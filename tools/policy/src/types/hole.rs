//! A hole in the moat: as narrow as one can be.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::reader::invalid::quoted;
use crate::{Invalid, NetworkName};

/// One exception of the moat, written `"<network> <addr>:<port>/<tcp|udp>"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The network whose members may use it; of class open.
    pub network: NetworkName,
    /// The one address behind it; unicast, and outside every network of the policy.
    pub addr: IpAddr,
    /// The one port, 1 to 65535.
    pub port: u16,
    /// TCP or UDP: other protocols have no port to name.
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
        let Self { network, addr, port, protocol } = self;
        match addr {
            IpAddr::V4(v4) => write!(f, "{network} {v4}:{port}/{protocol}"),
            IpAddr::V6(v6) => write!(f, "{network} [{v6}]:{port}/{protocol}"),
        }
    }
}

const NOTATION: &str = "write \"NETWORK ADDRESS:PORT/tcp\" or \".../udp\", such as \"cell 192.168.1.53:53/udp\" or \"cell [fd00::53]:53/udp\"";

impl FromStr for Hole {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |problem: &str| Invalid::new(format!("{} {problem}", quoted(text)), NOTATION);
        let (network, rest) = text.split_once(' ').ok_or_else(|| refuse("does not name a network and an address"))?;
        let network = network.parse()?;
        let (socket, protocol) = rest.rsplit_once('/').ok_or_else(|| refuse("names no protocol"))?;
        if socket.contains('/') {
            return Err(refuse("is a hole to a whole range: one opens one address only"));
        }
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(refuse("is a hole to a whole range: one opens one address only"));
            }
            _ => return Err(refuse("names no protocol that has ports")),
        };
        let (host, port) = socket.rsplit_once(':').ok_or_else(|| refuse("names no port"))?;
        let addr = address(host).ok_or_else(|| refuse("names no address"))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0);
        let port = port.ok_or_else(|| refuse("names no port from 1 to 65535"))?;
        single_host(addr).map_err(refuse)?;
        Ok(Self { network, addr, port, protocol })
    }
}

fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse().map(IpAddr::V6).ok(),
        None => host.parse().map(IpAddr::V4).ok(),
    }
}

/// Whether packets to it reach one host, from a bridge.
fn single_host(addr: IpAddr) -> Result<(), &'static str> {
    let broadcast = matches!(addr, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets().first() == Some(&0));
    let scoped = matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let mapped = matches!(addr, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    match () {
        () if addr.is_unspecified() || broadcast => Err("opens more than one host"),
        () if addr.is_multicast() => Err("opens a multicast group"),
        () if addr.is_loopback() => Err("opens a loopback address, which no bridge reaches"),
        () if scoped => Err("opens a link-local address, which means another host on each link"),
        () if mapped => Err("writes an IPv4 address as IPv6"),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hole_reads_back_as_it_is_shown() {
        for text in ["cell 192.168.1.53:53/udp", "cell [fd00::53]:443/tcp", "egress 203.0.113.1:65535/tcp"] {
            assert_eq!(text.parse::<Hole>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_hole_to_a_whole_network_is_refused() {
        for text in
            ["cell 192.168.1.0/24", "cell 192.168.1.0/24:53/udp", "cell [fd00::]/64:53/udp", "cell 10.0.0.0/8/tcp"]
        {
            let problem = text.parse::<Hole>().unwrap_err().problem;
            assert!(problem.contains("whole range"), "{text}: {problem}");
        }
    }

    #[test]
    fn a_hole_that_says_too_little_or_too_much_is_refused() {
        for text in [
            "",
            "cell",
            "192.168.1.53:53/udp",
            "cell 192.168.1.53/udp",
            "cell 192.168.1.53:53",
            "cell 192.168.1.53:0/udp",
            "cell 192.168.1.53:65536/udp",
            "cell 192.168.1.53:+53/udp",
            "cell 192.168.1.53:53-54/udp",
            "cell 192.168.1.53:*/udp",
            "cell nas.local:53/udp",
            "cell fd00::53:53/udp",
            "cell [192.168.1.53]:53/udp",
            "cell 192.168.1.53:53/icmp",
            "cell  192.168.1.53:53/udp",
            "cell 192.168.1.53:53/udp ",
            "cell 192.168.001.53:53/udp",
            "Cell 192.168.1.53:53/udp",
            "cell any:53/udp",
            "cell 192.168.1.53:53/UDP",
        ] {
            assert!(text.parse::<Hole>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_hole_to_what_is_not_one_host_is_refused() {
        for host in [
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "127.0.0.1",
            "[::]",
            "[::1]",
            "[ff02::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
        ] {
            assert!(format!("cell {host}:53/udp").parse::<Hole>().is_err(), "{host}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(cell )?[\\PC]{0,40}") {
            let _ = text.parse::<Hole>();
        }
    }
}
