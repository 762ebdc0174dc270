//! ICMP and `ICMPv6` echo. The one probe that every host answers with no service running at all.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{self, AddressFamily, Protocol, SocketFlags, SocketType, ipproto};
use tokio::net::UdpSocket;
use tokio::time::{Duration, Instant, timeout_at};

use super::{Step, addresses, token};
use crate::probe::observation::Observation;

/// An echo request is sent this often until one is answered.
const PACE: Duration = Duration::from_millis(500);

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// Echo requests, and the first answer to one.
pub(super) async fn ask(target: SocketAddr, deadline: Instant) -> Step<Observation> {
    let socket = open(target.ip())?;
    let mut to = target;
    to.set_port(0);
    let group = to.ip().is_multicast();
    if !group {
        net::connect(&socket, &to).map_err(|error| Observation::of(&error.into()))?;
    }
    // tokio has no type for raw sockets; to the kernel, send and recv on a connected one are the same.
    let socket = UdpSocket::from_std(socket.into()).map_err(|error| Observation::NotMade(error.to_string()))?;
    let token = token::fresh()?;
    let request = request(to.ip(), &token);
    loop {
        let sent = if group { socket.send_to(&request, to).await } else { socket.send(&request).await };
        sent.map_err(|error| Observation::of(&error))?;
        let turn = (Instant::now() + PACE).min(deadline);
        match timeout_at(turn, answer(&socket, &token, group)).await {
            Ok(Ok((bytes, from))) => {
                return Ok(Observation::Answered { bytes, what: format!("echo reply from {from}") });
            }
            Ok(Err(error)) => return Err(Observation::of(&error)),
            Err(_) if turn >= deadline => return Err(Observation::Silent),
            Err(_) => {}
        }
    }
}

/// A raw socket, which needs `CAP_NET_RAW` over the namespace; else a ping socket, which the
/// namespace's `net.ipv4.ping_group_range` may allow to anybody.
fn open(target: IpAddr) -> Step<OwnedFd> {
    let (family, protocol) = family(target);
    raw(target).or_else(|_| net::socket_with(family, SocketType::DGRAM, FLAGS, Some(protocol))).map_err(|error| {
        Observation::NotMade(format!("no socket for ICMP, which root or ping_group_range opens: {error}"))
    })
}

/// A raw socket of an address's family.
pub(super) fn raw(target: IpAddr) -> rustix::io::Result<OwnedFd> {
    let (family, protocol) = family(target);
    net::socket_with(family, SocketType::RAW, FLAGS, Some(protocol))
}

fn family(target: IpAddr) -> (AddressFamily, Protocol) {
    match target {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    }
}

/// Waits for an echo reply that carries our token. Others' replies come to a raw socket too; a group has
/// ourselves among its members.
async fn answer(socket: &UdpSocket, token: &[u8], group: bool) -> std::io::Result<(u64, IpAddr)> {
    let mut buffer = [0u8; 2048];
    loop {
        let (read, from) = socket.recv_from(&mut buffer).await?;
        let ours = is_reply(buffer.get(..read).unwrap_or_default(), token);
        if ours && !(group && addresses::is_own(from.ip())) {
            return Ok((read as u64, from.ip()));
        }
    }
}

/// An echo reply with this token? A raw IPv4 socket gives the IP header too, the others don't.
fn is_reply(packet: &[u8], token: &[u8]) -> bool {
    let header = match packet.first() {
        Some(first) if first >> 4 == 4 => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let message = packet.get(header..).unwrap_or_default();
    matches!(message.first(), Some(0 | 129)) && message.get(8..) == Some(token)
}

/// An echo request, RFC 792 and RFC 4443 section 4.1. The kernel sums `ICMPv6` itself (RFC 3542 section 3.1).
fn request(target: IpAddr, token: &[u8; 16]) -> Vec<u8> {
    let kind = if target.is_ipv4() { 8 } else { 128 };
    let mut message = vec![kind, 0, 0, 0];
    message.extend(token.iter().take(2));
    message.extend([0, 1]);
    message.extend(token);
    if target.is_ipv4() {
        let sum = checksum(&message).to_be_bytes();
        message.splice(2..4, sum);
    }
    message
}

/// The internet checksum, RFC 1071.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let sum = words.fold(0u32, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    !u16::try_from(sum & 0xffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_sums_to_zero_as_rfc_1071_asks() {
        let message = request("192.0.2.1".parse().unwrap(), &[7; 16]);
        assert_eq!(checksum(&message), 0);
        assert_eq!(message.len(), 24);
    }

    #[test]
    fn only_a_reply_with_our_token_is_an_answer() {
        let token = [9u8; 16];
        let reply = |kind: u8| [&[kind, 0, 0, 0, 0, 0, 0, 1][..], &token].concat();
        assert!(is_reply(&reply(129), &token), "ICMPv6, no header");
        let with_header = [&[0x45u8][..], &[0; 19], &reply(0)].concat();
        assert!(is_reply(&with_header, &token));
        assert!(!is_reply(&reply(128), &token), "our own request on loopback");
        assert!(!is_reply(&reply(129), &[1; 16]));
        assert!(!is_reply(&[0x4f], &token) && !is_reply(&[], &token));
    }
}
