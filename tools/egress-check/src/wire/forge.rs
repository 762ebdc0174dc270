//! Packets in somebody else's name. Made with all the privilege that the inspector has: what does not
//! pass here does not pass for a prisoner who has less.

use std::io::Result;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sockopt};

use super::icmp::checksum;

/// Sends one UDP datagram from the thread's network namespace that claims to come from `source`.
///
/// # Errors
/// If there is no way to `target`, or the namespace forbids it. Both must be of one family.
pub(super) fn send(source: SocketAddr, target: SocketAddr, payload: &[u8]) -> Result<()> {
    match (source.ip(), target.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => raw(from, source.port(), to, target.port(), payload),
        _ => freebind(source, target, payload),
    }
}

/// IPv6 takes no privilege for it: `IPV6_FREEBIND`, ipv6(7), and the kernel asks no more questions.
fn freebind(source: SocketAddr, target: SocketAddr, payload: &[u8]) -> Result<()> {
    let flags = SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, None)?;
    sockopt::set_ipv6_freebind(&socket, true)?;
    net::bind(&socket, &source)?;
    UdpSocket::from(socket).send_to(payload, target).map(drop)
}

/// IPv4 takes a raw socket, and a header of one's own: raw(7), `IP_HDRINCL`.
fn raw(from: Ipv4Addr, port: u16, to: Ipv4Addr, to_port: u16, payload: &[u8]) -> Result<()> {
    let flags = SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::INET, SocketType::RAW, flags, Some(ipproto::RAW))?;
    let packet = packet(from, port, to, to_port, payload);
    net::sendto(&socket, &packet, SendFlags::empty(), &SocketAddr::new(to.into(), 0)).map(drop).map_err(Into::into)
}

/// A UDP datagram with its IPv4 header (RFC 791 section 3.1, RFC 768), without the optional UDP checksum.
fn packet(from: Ipv4Addr, port: u16, to: Ipv4Addr, to_port: u16, payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let mut header = vec![0x45, 0];
    header.extend(length(28 + payload.len()));
    header.extend([0, 1, 0, 0, 64, 17, 0, 0]);
    header.extend(from.octets());
    header.extend(to.octets());
    let sum = checksum(&header).to_be_bytes();
    header.splice(10..12, sum);
    header.extend(port.to_be_bytes());
    header.extend(to_port.to_be_bytes());
    header.extend(length(8 + payload.len()));
    header.extend([0, 0]);
    header.extend(payload);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_sums_to_zero_and_says_how_long_it_is() {
        let packet = packet("192.0.2.1".parse().unwrap(), 53, "192.0.2.2".parse().unwrap(), 4000, b"payload");
        assert_eq!(checksum(&packet[..20]), 0);
        assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), packet.len());
        assert_eq!(usize::from(u16::from_be_bytes([packet[24], packet[25]])), packet.len() - 20);
        assert_eq!(&packet[12..16], &[192, 0, 2, 1]);
        assert!(packet.ends_with(b"payload"));
    }
}
