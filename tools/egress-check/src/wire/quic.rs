//! QUIC: a long-header packet of a version that nobody speaks. A server must answer it with the
//! versions it does speak (RFC 8999 section 6, RFC 9000 section 6.1), so no handshake is needed.

use std::net::SocketAddr;

use tokio::time::Instant;

use super::{Step, token, udp};
use crate::sight::Sight;

/// The least a client's first datagram may have (RFC 9000 section 14.1).
const FIRST_DATAGRAM: usize = 1200;
/// A version reserved to force negotiation (RFC 9000 section 15: 0x?a?a?a?a).
const NOBODYS_VERSION: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];

/// Sends one, and takes whatever comes back.
pub(super) async fn ask(target: SocketAddr, deadline: Instant) -> Step<Sight> {
    let answer = udp::exchange(target, &first_packet(token::fresh()?), deadline, |_| true).await?;
    // Version 0 in a long header is "version negotiation".
    let what = match answer.get(..5) {
        Some([first, 0, 0, 0, 0]) if first & 0x80 != 0 => "QUIC version negotiation".to_owned(),
        _ => super::tcp::first_line(&answer),
    };
    Ok(Sight::Answered { bytes: answer.len() as u64, what })
}

fn first_packet(ids: [u8; 16]) -> Vec<u8> {
    let (destination, source) = ids.split_at(8);
    let mut packet = vec![0xc0];
    packet.extend(NOBODYS_VERSION);
    packet.push(8);
    packet.extend(destination);
    packet.push(8);
    packet.extend(source);
    packet.resize(FIRST_DATAGRAM, 0);
    packet
}
