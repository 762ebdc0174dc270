//! QUIC: a client's real first packet (RFC 9000, RFC 9001), with a TLS `ClientHello` in it that offers HTTP/3. What
//! comes back counts where only a server that has read the packet can have sent it; the rest of the handshake is not
//! made. A server may speak other versions, or drop what it does not like. So it is asked in a second way: with a
//! version that nobody speaks. It has to answer that with those that it does speak (RFC 9000 section 6.1).

mod answer;
mod initial;
mod reader;

pub use answer::quic_answer;

use std::cell::RefCell;
use std::net::SocketAddr;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::udp::{self, Turn};
use super::{Origin, Step, token};
use crate::probe::observation::Observation;
use crate::probe::question::{Ask, ProbeTarget};
use crate::tls;

/// The least a client's first datagram may have (RFC 9000 section 14.1).
const FIRST_DATAGRAM: usize = 1200;
/// A version reserved to force negotiation (RFC 9000 section 15: 0x?a?a?a?a).
const NOBODYS_VERSION: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];
/// HTTP/3 (RFC 9114 section 3.1).
const ALPN: &[u8] = b"h3";
/// Bytes of a connection id: the least that a client may choose for a server (RFC 9000 section 7.2).
const ID: u8 = 8;

/// The two connection ids of a client's first packet.
#[derive(Debug, Clone, Copy)]
struct Ids {
    /// By which the server is called until it chooses its own.
    theirs: [u8; ID as usize],
    /// The connection id by which the server shall call us.
    ours: [u8; ID as usize],
}

impl Ids {
    fn fresh() -> Step<Self> {
        Ok(Self { theirs: token::fresh()?, ours: token::fresh()? })
    }
}

/// A client of TLS 1.3, the only one that QUIC knows.
pub(super) fn config() -> anyhow::Result<ClientConfig> {
    let mut config = tls::client(&[&rustls::version::TLS13])?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// Sends a first packet, and later one of a version that nobody speaks. Takes what a QUIC server answers to either.
pub(super) async fn ask(origin: &Origin, target: SocketAddr, ask: &Ask, deadline: Instant) -> Step<Observation> {
    let (first, other) = (Ids::fresh()?, Ids::fresh()?);
    let (packet, keys) = initial::packet(origin.quic.clone(), name(ask, target)?, first)
        .map_err(|error| Observation::NotMade(format!("no first packet of QUIC: {error}")))?;
    let asked = answer::Asked { first, keys: keys.remote, other };
    let probing = nobodys(other);
    let half = deadline.saturating_duration_since(Instant::now()) / 2;
    let mut turns = udp::often(&packet, deadline);
    turns.push(Turn { after: half, payload: &probing });
    turns.sort_by_key(|turn| turn.after);
    let (heard, stray) = (RefCell::new(None), RefCell::new(None));
    let took = udp::exchange(target, &turns, deadline, |bytes| match answer::read(bytes, &asked) {
        Some(what) => {
            heard.replace(Some(what));
            true
        }
        None => {
            let observation = || Observation::Stray { bytes: bytes.len() as u64, what: super::tcp::first_line(bytes) };
            stray.borrow_mut().get_or_insert_with(observation);
            false
        }
    });
    match (took.await, heard.take(), stray.take()) {
        (Ok(bytes), Some(what), _) => Ok(Observation::Answered { bytes: bytes.len() as u64, what }),
        (Err(Observation::Silent), _, Some(stray)) => Ok(stray),
        (Err(observation), ..) => Err(observation),
        (Ok(_), None, _) => Err(Observation::Silent),
    }
}

/// The name for the handshake: the one chosen, else the target's; none is sent for an address.
fn name(ask: &Ask, target: SocketAddr) -> Step<ServerName<'static>> {
    let name = match (&ask.sni, &ask.whom) {
        (Some(sni), _) => sni.clone(),
        (None, ProbeTarget::Name(name)) => name.clone(),
        _ => target.ip().to_string(),
    };
    ServerName::try_from(name).map_err(|_| Observation::NotMade("the SNI is no name".to_owned()))
}

/// A long header of a version that nobody speaks, filled up to what a server has to look at.
fn nobodys(ids: Ids) -> Vec<u8> {
    let mut packet = initial::long_header(0xc0, NOBODYS_VERSION, ids);
    packet.resize(FIRST_DATAGRAM, 0);
    packet
}
