//! The neighbours over IPv6. No table of proc(5) has them, so the kernel is asked: rtnetlink(7), `RTM_GETNEIGH`. What its
//! messages mean is a library's to know; the socket is ours, for it must not wait without an end.

use std::io;
use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_ALIGNTO, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

type Message = NetlinkMessage<RouteNetlinkMessage>;

/// Somebody answered, or was entered by hand.
const ALIVE: [NeighbourState; 5] = [
    NeighbourState::Reachable,
    NeighbourState::Stale,
    NeighbourState::Delay,
    NeighbourState::Probe,
    NeighbourState::Permanent,
];
/// The kernel answers at once, with no more than 32 KiB at a time; a table of 10,000 entries has less than this.
const PATIENCE: Duration = Duration::from_secs(5);
const CHUNK: usize = 64 * 1024;
const MOST: usize = 256;

/// A neighbour that answered lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// Its address.
    pub(super) ip: Ipv6Addr,
    /// The index of the interface that leads to it.
    pub(super) index: u32,
}

/// Asks the kernel of this thread's namespace. A kernel without IPv6 has none.
///
/// # Errors
/// If it does not answer, or says what cannot be read.
pub(super) fn alive_v6() -> Result<Vec<Neighbour>> {
    // No protocol is the first one, NETLINK_ROUTE.
    let socket = socket_with(rustix::net::AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
        .context("the kernel cannot be asked for its neighbours (rtnetlink)")?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).context("no time-out for rtnetlink")?;
    send(&socket, &question(), SendFlags::empty()).context("the kernel was not asked for its neighbours")?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; CHUNK]);
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
    let (mut header, mut of) = (NetlinkHeader::default(), NeighbourMessage::default());
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    of.header.family = AddressFamily::Inet6;
    bytes(Message::new(header, RouteNetlinkMessage::GetNeighbour(of).into()))
}

fn bytes(mut message: Message) -> Vec<u8> {
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads the messages of one datagram, each at a multiple of four bytes. `Ok(true)`: it was the last.
fn read_some(mut datagram: &[u8], found: &mut Vec<Neighbour>) -> Result<bool> {
    while !datagram.is_empty() {
        let message = Message::deserialize(datagram).context("its answer cannot be read")?;
        match message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(entry)) => found.extend(neighbour(&entry)),
            NetlinkPayload::Done(end) if end.code == 0 => return Ok(true),
            NetlinkPayload::Done(end) => return Err(refusal(end.code)),
            NetlinkPayload::Error(error) => return Err(refusal(error.raw_code())),
            NetlinkPayload::Overrun(_) => bail!("some of its answer was lost"),
            _ => {}
        }
        let length = usize::try_from(message.header.length)?.next_multiple_of(usize::from(NLMSG_ALIGNTO));
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(false)
}

/// What the kernel says no with: a negative number.
fn refusal(code: i32) -> Error {
    io::Error::from_raw_os_error(code.saturating_neg()).into()
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
