//! The neighbours over IPv6. No table of proc(5) has them, so the kernel is asked: rtnetlink(7), `RTM_GETNEIGH`.

use std::net::Ipv6Addr;

use anyhow::{Context, Result, bail};
use engine::dump;
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// Somebody answered, or was entered by hand.
const ALIVE: [NeighbourState; 5] = [
    NeighbourState::Reachable,
    NeighbourState::Stale,
    NeighbourState::Delay,
    NeighbourState::Probe,
    NeighbourState::Permanent,
];
/// The most datagrams. A table of 10,000 entries has fewer.
const MOST: usize = 256;

/// A neighbour that answered lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// The neighbour's link-local address.
    pub(super) ip: Ipv6Addr,
    /// The index of the interface that leads to it.
    pub(super) index: u32,
}

/// Asks the kernel of this thread's namespace. A kernel without IPv6 has none.
///
/// # Errors
/// If it does not answer, or says what cannot be read.
pub(super) fn alive_v6() -> Result<Vec<Neighbour>> {
    let socket = dump::to_the_kernel(None).context("the kernel cannot be asked for its neighbours (rtnetlink)")?;
    send(&socket, &question(), SendFlags::empty()).context("the kernel was not asked for its neighbours")?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; dump::DATAGRAM]);
    for _ in 0..MOST {
        let (read, _) = recv(&socket, &mut buffer, RecvFlags::empty()).context("the kernel names no neighbours")?;
        if read_some(buffer.get(..read).unwrap_or_default(), &mut found).context("the kernel names no neighbours")? {
            return Ok(found);
        }
    }
    bail!("the kernel names neighbours without an end")
}

/// A dump of the neighbours of one family.
fn question() -> Vec<u8> {
    let mut of = NeighbourMessage::default();
    of.header.family = AddressFamily::Inet6;
    dump::question(RouteNetlinkMessage::GetNeighbour(of))
}

/// Reads the neighbours of one datagram. `Ok(true)`: it was the last.
fn read_some(datagram: &[u8], found: &mut Vec<Neighbour>) -> Result<bool> {
    dump::read_some(datagram, |told| {
        if let RouteNetlinkMessage::NewNeighbour(entry) = told {
            found.extend(neighbour(&entry));
        }
    })
}

fn neighbour(entry: &NeighbourMessage) -> Option<Neighbour> {
    let state = u16::from(entry.header.state);
    if !ALIVE.into_iter().any(|alive| state & u16::from(alive) != 0) {
        return None;
    }
    let ip = entry.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(*ip),
        _ => None,
    });
    let ip = ip.filter(|ip| !ip.is_multicast() && !ip.is_unspecified())?;
    Some(Neighbour { ip, index: entry.header.ifindex })
}

#[cfg(test)]
mod tests;
