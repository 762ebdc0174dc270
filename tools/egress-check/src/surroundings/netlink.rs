//! The neighbours over IPv6. No table of proc(5) has them, so the kernel is asked: rtnetlink(7), `RTM_GETNEIGH`.

use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// Of the kernel's `rtnetlink.h`, `netlink.h` and `neighbour.h`.
const NEW_NEIGHBOUR: u16 = 28;
const GET_NEIGHBOUR: u16 = 30;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const IPV6: u8 = 10;
const DESTINATION: u16 = 1;
/// `NUD_REACHABLE`, `STALE`, `DELAY`, `PROBE` and `PERMANENT`: somebody answered, or was entered by hand.
const ALIVE: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
/// Bytes of the head of a message, of the fixed part of an entry, and of an attribute's head.
const HEAD: usize = 16;
const ENTRY: usize = 12;
const ATTRIBUTE: usize = 4;
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
/// If it does not answer.
pub(super) fn alive_v6() -> Result<Vec<Neighbour>> {
    // No protocol is the first one, NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
        .context("the kernel cannot be asked for its neighbours (rtnetlink)")?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).context("no time-out for rtnetlink")?;
    send(&socket, &question(), SendFlags::empty()).context("the kernel was not asked for its neighbours")?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; CHUNK]);
    for _ in 0..MOST {
        let (read, _) = recv(&socket, &mut buffer, RecvFlags::empty()).context("the kernel names no neighbours")?;
        let answer = read_some(buffer.get(..read).unwrap_or_default());
        found.extend(answer.neighbours);
        match answer.end {
            None => {}
            Some(End::Done) => return Ok(found),
            Some(End::Error(errno)) => return Err(errno).context("the kernel names no neighbours"),
        }
    }
    bail!("the kernel names neighbours without an end")
}

/// A dump of the neighbours of one family.
fn question() -> Vec<u8> {
    let length = u32::try_from(HEAD + ENTRY).unwrap_or_default().to_ne_bytes();
    let mut bytes = [&length[..], &GET_NEIGHBOUR.to_ne_bytes(), &REQUEST_DUMP.to_ne_bytes(), &[0; 8], &[IPV6]].concat();
    bytes.resize(HEAD + ENTRY, 0);
    bytes
}

/// How a dump ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Error(Errno),
}

/// What one datagram says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    neighbours: Vec<Neighbour>,
    end: Option<End>,
}

/// Messages one behind the other, each at a multiple of four bytes.
fn read_some(mut bytes: &[u8]) -> Answer {
    let mut answer = Answer::default();
    while let Some((kind, body, rest)) = message(bytes) {
        bytes = rest;
        match kind {
            NEW_NEIGHBOUR => answer.neighbours.extend(neighbour(body)),
            DONE => answer.end = Some(End::Done),
            ERROR => {
                let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                answer.end = Some(End::Error(Errno::from_raw_os_error(code.saturating_neg())));
            }
            _ => {}
        }
        if answer.end.is_some() {
            break;
        }
    }
    answer
}

/// The type of the first message, its body, and what follows it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    Some((kind, bytes.get(HEAD..length)?, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// `struct ndmsg`: family, padding, the interface at 4, the state at 8; then attributes.
fn neighbour(body: &[u8]) -> Option<Neighbour> {
    let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let state = u16::from_ne_bytes(*body.get(8..)?.first_chunk()?);
    if body.first() != Some(&IPV6) || state & ALIVE == 0 {
        return None;
    }
    let ip = destination(body.get(ENTRY..)?).filter(|ip| !ip.is_multicast() && !ip.is_unspecified())?;
    Some(Neighbour { ip, index })
}

fn destination(mut attributes: &[u8]) -> Option<Ipv6Addr> {
    loop {
        let length = usize::from(u16::from_ne_bytes(*attributes.first_chunk()?));
        let kind = u16::from_ne_bytes(*attributes.get(2..)?.first_chunk()?);
        let value = attributes.get(ATTRIBUTE..length)?;
        if kind == DESTINATION {
            return Some(Ipv6Addr::from(*<&[u8; 16]>::try_from(value).ok()?));
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(kind: u16, state: u16, attributes: &[u8]) -> Vec<u8> {
        let body = [&[IPV6, 0, 0, 0][..], &7u32.to_ne_bytes(), &state.to_ne_bytes(), &[0, 0], attributes].concat();
        let length = u32::try_from(HEAD + body.len()).unwrap().to_ne_bytes();
        let mut bytes = [&length[..], &kind.to_ne_bytes(), &[0; 10], &body].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(ATTRIBUTE + value.len()).unwrap().to_ne_bytes();
        let mut bytes = [&length[..], &kind.to_ne_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn who_answered_lately_is_a_neighbour_and_who_never_did_is_none() {
        let (link, nas): (Ipv6Addr, Ipv6Addr) = ("fe80::1".parse().unwrap(), "2001:db8:77::10".parse().unwrap());
        let of = |ip: Ipv6Addr| [attribute(2, &[1, 2, 3, 4, 5, 6]), attribute(DESTINATION, &ip.octets())].concat();
        let datagram = [
            entry(NEW_NEIGHBOUR, 0x02, &of(nas)),
            entry(NEW_NEIGHBOUR, 0x04, &of(link)),
            entry(NEW_NEIGHBOUR, 0x20, &of("2001:db8:77::99".parse().unwrap())),
            entry(NEW_NEIGHBOUR, 0x40, &of("ff02::1".parse().unwrap())),
            entry(DONE, 0, &[]),
        ];
        let found = read_some(&datagram.concat());
        assert_eq!(found.neighbours, [nas, link].map(|ip| Neighbour { ip, index: 7 }));
        assert_eq!(found.end, Some(End::Done));
        let [first, ..] = datagram;
        assert_eq!(read_some(&first).end, None, "more is to come");
    }

    #[test]
    fn a_refusal_is_no_empty_table() {
        let mut refusal = entry(ERROR, 0, &[]);
        refusal.splice(HEAD..HEAD + 4, (-1i32).to_ne_bytes());
        assert_eq!(read_some(&refusal).end, Some(End::Error(Errno::PERM)));
    }

    #[test]
    fn the_kernel_of_this_machine_answers() {
        alive_v6().unwrap();
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), length in 0u32..200) {
            let _ = read_some(&bytes);
            let _ = read_some(&[&length.to_ne_bytes()[..], &NEW_NEIGHBOUR.to_ne_bytes(), &bytes].concat());
        }
    }
}
