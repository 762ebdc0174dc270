//! A client's Initial packet: RFC 9000 sections 17.2.2 and 18, protected as RFC 9001 section 5 says. Anybody can derive
//! its keys from the connection id in it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustls::ClientConfig;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::ServerName;
use rustls::quic::{ClientConnection, Keys, Version};

use super::{FIRST_DATAGRAM, ID, Ids};

/// Version 1 (RFC 9000 section 15).
pub(super) const V1: [u8; 4] = [0, 0, 0, 1];
/// A long header of an Initial packet whose packet number has four bytes.
const FIRST_BYTE: u8 = 0xc3;
/// Bytes of the packet number, which is 0.
const NUMBER: usize = 4;
/// Bytes of the tag at the end of what is encrypted, AES-128-GCM's.
const TAG: usize = 16;
/// The frame that carries the handshake (RFC 9000 section 19.6).
pub(super) const CRYPTO: u8 = 0x06;

/// The datagram, and the keys of both directions.
pub(super) fn packet(config: Arc<ClientConfig>, name: ServerName<'static>, ids: Ids) -> Result<(Vec<u8>, Keys)> {
    let keys = keys(ids)?;
    let mut head = long_header(FIRST_BYTE, V1, ids);
    // No token; then how much is left, as two bytes.
    let left = FIRST_DATAGRAM - head.len() - 3;
    head.push(0);
    head.extend((0x4000 | u16::try_from(left)?).to_be_bytes());
    head.extend([0; NUMBER]);
    let mut body = [&[CRYPTO, 0][..], &sized(&hello(config, name, ids)?)].concat();
    let room = left - NUMBER - TAG;
    ensure!(body.len() <= room, "the name is too long for one datagram");
    // The rest is padding, which is zeros (RFC 9000 section 19.1).
    body.resize(room, 0);
    let tag = keys.local.packet.encrypt_in_place(0, &head, &mut body)?;
    body.extend_from_slice(tag.as_ref());
    hide(&keys, &mut head, &body)?;
    head.append(&mut body);
    Ok((head, keys))
}

/// The keys of both directions, which follow from the id that the server is called by (RFC 9001 section 5.2).
pub(super) fn keys(ids: Ids) -> Result<Keys> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().and_then(|suite| suite.quic_suite());
    Ok(suite.context("the TLS library has no QUIC")?.keys(&ids.theirs, rustls::Side::Client, Version::V1))
}

/// The first byte, the version and both ids.
pub(super) fn long_header(first: u8, version: [u8; 4], ids: Ids) -> Vec<u8> {
    [&[first][..], &version, &[ID], &ids.theirs, &[ID], &ids.ours].concat()
}

/// Header protection (RFC 9001 section 5.4): the packet number is at the end of the head, the sample right behind it.
fn hide(keys: &Keys, head: &mut [u8], body: &[u8]) -> Result<()> {
    let sample = body.get(..keys.local.header.sample_len()).context("no sample")?;
    let (first, rest) = head.split_first_mut().context("no head")?;
    let number = rest.last_chunk_mut::<NUMBER>().context("no packet number")?;
    Ok(keys.local.header.encrypt_in_place(sample, first, number)?)
}

fn hello(config: Arc<ClientConfig>, name: ServerName<'static>, ids: Ids) -> Result<Vec<u8>> {
    let mut session = ClientConnection::new(config, Version::V1, name, parameters(ids))?;
    let mut hello = Vec::new();
    let keys = session.write_hs(&mut hello);
    ensure!(keys.is_none() && !hello.is_empty(), "the TLS library has no ClientHello");
    Ok(hello)
}

/// Transport parameters (RFC 9000 section 18.2): room for a server's first words, and the id that it must hold
/// against the packet's.
fn parameters(ids: Ids) -> Vec<u8> {
    const NUMBERS: [(u8, u16); 7] =
        [(0x01, 10_000), (0x04, 16_000), (0x05, 16_000), (0x06, 16_000), (0x07, 16_000), (0x08, 16), (0x09, 16)];
    let numbers = NUMBERS.iter().flat_map(|(id, value)| [&[*id][..], &sized(&varint(*value))].concat());
    let source = [&[0x0f][..], &sized(&ids.ours)].concat();
    numbers.chain(source).collect()
}

/// A variable-length integer (RFC 9000 section 16) of 14 bits at most, which is all that stands here. The shortest
/// form: some servers refuse a parameter in a longer one.
fn varint(value: u16) -> Vec<u8> {
    match u8::try_from(value) {
        Ok(short @ 0..0x40) => vec![short],
        _ => (0x4000 | value & 0x3fff).to_be_bytes().to_vec(),
    }
}

/// Bytes behind their length; one datagram has fewer than 14 bits can count.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut sized = varint(u16::try_from(bytes.len()).unwrap_or(0x3fff));
    sized.extend_from_slice(bytes);
    sized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_packet_fills_a_datagram_and_shows_nothing_of_what_is_in_it() {
        let config = Arc::new(super::super::config().unwrap());
        let ids = Ids { theirs: [1; 8], ours: [2; 8] };
        let (packet, _) = packet(config, "secret.example".try_into().unwrap(), ids).unwrap();
        assert_eq!(packet.len(), FIRST_DATAGRAM);
        assert_eq!(packet.get(1..23).unwrap(), [&V1[..], &[8], &[1; 8], &[8], &[2; 8]].concat());
        assert!(!packet.windows(6).any(|window| window == b"secret"));
        assert_eq!(packet.first().unwrap() & 0xf0, 0xc0, "a long header of an Initial packet");
    }

    #[test]
    fn the_longest_name_there_is_fits() {
        let config = Arc::new(super::super::config().unwrap());
        let name = [["a".repeat(60).as_str(); 4].join("."), "example".into()].join(".");
        let made = packet(config, name.try_into().unwrap(), Ids { theirs: [1; 8], ours: [2; 8] });
        assert_eq!(made.unwrap().0.len(), FIRST_DATAGRAM);
    }
}
