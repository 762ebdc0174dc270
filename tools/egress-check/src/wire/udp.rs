//! UDP: one datagram that the port's usual service understands, and whatever comes back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::set_ip_multicast_if_with_ifindex;
use tokio::net::UdpSocket;
use tokio::time::{Duration, Instant, timeout_at};

use super::{Step, addresses, dns, unspecified};
use crate::probe::observation::Observation;
use crate::probe::question::{Ask, ProbeTarget};

const BROADCAST: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

/// Sent at the start, soon again, and then so many times in what is left. Who is inspected can drown a server in
/// datagrams, so that it loses most of ours (seen: three of three). Ten in a row say something.
const SOON: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(900)];
const PARTS: u32 = 8;

/// What is sent, and how long after the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'a> {
    /// How long after the start.
    pub(super) after: Duration,
    /// The datagram's content.
    pub(super) payload: &'a [u8],
}

/// The same datagram at the start and again until the deadline, where nothing comes.
pub(super) fn often(payload: &[u8], deadline: Instant) -> Vec<Turn<'_>> {
    let left = deadline.saturating_duration_since(Instant::now());
    let spread = (0..PARTS).map(|part| left / PARTS * part);
    let mut turns: Vec<Turn<'_>> = spread.chain(SOON).map(|after| Turn { after, payload }).collect();
    turns.sort_by_key(|turn| turn.after);
    turns
}

/// A datagram and its answer.
pub(super) async fn ask(target: SocketAddr, ask: &Ask, deadline: Instant) -> Step<Observation> {
    let socket = open(target).await?;
    if let ProbeTarget::OnLink(IpAddr::V4(group), interface) = &ask.whom {
        leave_by(&socket, *group, interface)?;
    }
    let answer = talk(&socket, target, &often(&payload(target), deadline), deadline, |_| true).await?;
    Ok(Observation::Answered { bytes: answer.len() as u64, what: super::tcp::first_line(&answer) })
}

/// Sends at each turn until something comes, and gives the first answer that `accept` takes. Turns are in order.
pub(super) async fn exchange(
    target: SocketAddr,
    turns: &[Turn<'_>],
    deadline: Instant,
    accept: impl Fn(&[u8]) -> bool,
) -> Step<Vec<u8>> {
    talk(&open(target).await?, target, turns, deadline, accept).await
}

/// A socket that hears its target alone, or everybody where that is a group.
async fn open(target: SocketAddr) -> Step<UdpSocket> {
    let socket = UdpSocket::bind((unspecified(target.ip()), 0))
        .await
        .map_err(|error| Observation::NotMade(error.to_string()))?;
    if target.ip() == BROADCAST {
        socket.set_broadcast(true).map_err(|error| Observation::of(&error))?;
    }
    if !is_group(target.ip()) {
        socket.connect(target).await.map_err(|error| Observation::of(&error))?;
    }
    Ok(socket)
}

/// A group is asked on one link: with no route of its own there may be none, and each link has members of its own.
fn leave_by(socket: &UdpSocket, group: Ipv4Addr, interface: &str) -> Step<()> {
    let index = name_to_index(socket, interface)
        .map_err(|_| Observation::Unreachable(format!("no interface {interface} here")))?;
    set_ip_multicast_if_with_ifindex(socket, &group, &Ipv4Addr::UNSPECIFIED, index)
        .map_err(|error| Observation::of(&error.into()))
}

fn is_group(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == BROADCAST
}

async fn talk(
    socket: &UdpSocket,
    target: SocketAddr,
    turns: &[Turn<'_>],
    deadline: Instant,
    accept: impl Fn(&[u8]) -> bool,
) -> Step<Vec<u8>> {
    let group = is_group(target.ip());
    let start = Instant::now();
    let ends = turns.iter().skip(1).map(|next| start + next.after).chain([deadline]);
    for (Turn { payload, .. }, end) in turns.iter().zip(ends) {
        let sent = if group { socket.send_to(payload, target).await } else { socket.send(payload).await };
        sent.map_err(|error| Observation::of(&error))?;
        // Members of a group answer from addresses of their own, and we may be one of them.
        let theirs = |from: IpAddr| !group || !addresses::is_own(from);
        let end = end.min(deadline);
        if let Some(answer) = receive(socket, end, |bytes, from| accept(bytes) && theirs(from)).await? {
            return Ok(answer);
        }
        if end >= deadline {
            break;
        }
    }
    Err(Observation::Silent)
}

/// The first datagram before `until` that `accept` takes.
async fn receive(socket: &UdpSocket, until: Instant, accept: impl Fn(&[u8], IpAddr) -> bool) -> Step<Option<Vec<u8>>> {
    let mut buffer = vec![0; 4096];
    loop {
        match timeout_at(until, socket.recv_from(&mut buffer)).await {
            Err(_) => return Ok(None),
            Ok(Err(error)) => return Err(Observation::of(&error)),
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
fn payload(target: SocketAddr) -> Vec<u8> {
    match target.port() {
        53 => dns::version_question(),
        5353 => dns::services_question(),
        // NTP, RFC 5905: version 4, mode 3 (client), the rest zero.
        123 => [vec![0x23], vec![0; 47]].concat(),
        // NAT-PMP, RFC 6886 section 3.2: "what is your external address?"
        5351 => vec![0, 0],
        // SSDP, UPnP Device Architecture 2.0 section 1.3.3: unicast search.
        1900 => {
            let host = if target.is_ipv4() { "239.255.255.250:1900" } else { "[FF02::C]:1900" };
            let what = "MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all";
            format!("M-SEARCH * HTTP/1.1\r\nHOST: {host}\r\n{what}\r\n\r\n").into_bytes()
        }
        _ => b"cellblock egress-check\r\n".to_vec(),
    }
}
