//! UDP: one datagram that the port's usual service understands, and whatever comes back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::{Duration, Instant, timeout_at};

use super::{Step, addresses, dns};
use crate::sight::Sight;

/// One datagram may be lost; three in a row say something. Sent at the start, and after these.
const AGAIN: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(900)];

/// A datagram and its answer.
pub(super) async fn ask(target: SocketAddr, deadline: Instant) -> Step<Sight> {
    let answer = exchange(target, &payload(target.port()), deadline, |_| true).await?;
    Ok(Sight::Answered { bytes: answer.len() as u64, what: super::tcp::first_line(&answer) })
}

/// Sends, again where nothing comes, and gives the first answer that `accept` takes.
pub(super) async fn exchange(
    target: SocketAddr,
    payload: &[u8],
    deadline: Instant,
    accept: impl Fn(&[u8]) -> bool,
) -> Step<Vec<u8>> {
    let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.map_err(|error| Sight::NotMade(error.to_string()))?;
    let everybody = target.ip() == IpAddr::V4(Ipv4Addr::BROADCAST);
    let group = target.ip().is_multicast() || everybody;
    if everybody {
        socket.set_broadcast(true).map_err(|error| Sight::of(&error))?;
    }
    if !group {
        socket.connect(target).await.map_err(|error| Sight::of(&error))?;
    }
    let start = Instant::now();
    let mut turns = AGAIN.iter().map(|wait| start + *wait);
    loop {
        let sent = if group { socket.send_to(payload, target).await } else { socket.send(payload).await };
        sent.map_err(|error| Sight::of(&error))?;
        let turn = turns.next().unwrap_or(deadline).min(deadline);
        // Members of a group answer from addresses of their own, and we may be one of them.
        let theirs = |from: IpAddr| !group || !addresses::is_own(from);
        if let Some(answer) = receive(&socket, turn, |bytes, from| accept(bytes) && theirs(from)).await? {
            return Ok(answer);
        }
        if turn >= deadline {
            return Err(Sight::Silent);
        }
    }
}

/// The first datagram before `until` that `accept` takes.
async fn receive(socket: &UdpSocket, until: Instant, accept: impl Fn(&[u8], IpAddr) -> bool) -> Step<Option<Vec<u8>>> {
    let mut buffer = vec![0; 4096];
    loop {
        match timeout_at(until, socket.recv_from(&mut buffer)).await {
            Err(_) => return Ok(None),
            Ok(Err(error)) => return Err(Sight::of(&error)),
            Ok(Ok((read, from))) => {
                let bytes = buffer.get(..read).unwrap_or_default();
                if accept(bytes, from.ip()) {
                    return Ok(Some(bytes.to_vec()));
                }
            }
        }
    }
}

/// What the usual service of a port answers to.
fn payload(port: u16) -> Vec<u8> {
    match port {
        53 | 5353 => dns::version_question(),
        // NTP, RFC 5905: version 4, mode 3 (client), the rest zero.
        123 => [vec![0x23], vec![0; 47]].concat(),
        // NAT-PMP, RFC 6886 section 3.2: "what is your external address?"
        5351 => vec![0, 0],
        // SSDP, UPnP Device Architecture 2.0 section 1.3.3: unicast search.
        1900 => b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"
            .to_vec(),
        _ => b"cellblock egress-check\r\n".to_vec(),
    }
}
