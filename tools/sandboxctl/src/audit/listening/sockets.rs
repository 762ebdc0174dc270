//! The kernel's tables of sockets and devices, `/proc/PID/net/*` (proc(5)). Pure: what was read is handed in.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use engine::Listener;

/// Where somebody waits for others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Socket {
    protocol: &'static str,
    at: SocketAddr,
}

impl Socket {
    /// Is it one of these ports?
    pub(super) fn is(&self, protocol: &str, ports: &[u16]) -> bool {
        self.protocol == protocol && ports.contains(&self.at.port())
    }
}

impl From<&Listener> for Socket {
    fn from(told: &Listener) -> Self {
        Self { protocol: told.protocol, at: told.at }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.at, self.protocol)
    }
}

/// A TCP socket that listens, and a UDP socket with no peer: the states 0A and 07 (`net/tcp_states.h`).
pub(super) fn parse(protocol: &'static str, text: &str) -> impl Iterator<Item = Socket> {
    let waiting = if protocol == "tcp" { "0A" } else { "07" };
    text.lines().filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let (at, state) = (fields.next()?, fields.nth(1)?);
        (state == waiting).then_some(Socket { protocol, at: address(at)? })
    })
}

/// The two ends, ours first, of each socket that has a peer: connected, or on its way there or back.
pub(crate) fn connected(text: &str) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (from, to) = (address(fields.next()?)?, address(fields.next()?)?);
        (to.port() != 0).then_some((from, to))
    })
}

/// `0100007F:0016`: each group of four bytes as this machine orders them, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for at in (0..address.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// The names in front of the colons of `net/dev`.
pub(super) fn devices(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:4966 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
";

    fn shown(protocol: &'static str, text: &str) -> Vec<String> {
        parse(protocol, text).map(|socket| socket.to_string()).collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn what_listens_is_found_with_its_address_and_what_is_connected_is_not() {
        assert_eq!(shown("tcp", TCP), ["127.0.0.1:18789/tcp"]);
        let ends: Vec<String> = connected(TCP).map(|(from, to)| format!("{from} {to}")).collect();
        assert_eq!(ends, ["127.0.0.1:18790 127.0.0.1:22"]);
        let v6 = "   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A x";
        assert_eq!(shown("tcp", v6), ["[::1]:22/tcp"]);
        assert_eq!(shown("udp", "   0: 00000000:A2A9 00000000:0000 07 x"), ["0.0.0.0:41641/udp"]);
    }

    #[test]
    fn an_odd_line_is_none_and_ends_nothing() {
        for odd in
            ["", "x", "0: 0 0 0A", "0: 0100007F:zz 0 0A", "0: 01:0016 0 0A", "0: é0100007F:0016 0 0A", "0: ::::: 0 0A"]
        {
            assert_eq!(shown("tcp", &format!("{odd}\n{TCP}")).len(), 1, "{odd}");
        }
    }

    #[test]
    fn devices_are_named_before_the_colon() {
        let text = "Inter-|   Receive\n face |bytes\n    lo:  0 0\n  wg0: 1 2\n";
        assert_eq!(devices(text), ["lo".to_owned(), "wg0".to_owned()].into());
    }
}
