//! What comes back, held against what was asked. An answer counts only if it calls us by the random id of our packet.
//! An Initial packet must open with the keys that belong to it, too.

use rustls::quic::DirectionalKeys;

use super::Ids;
use super::initial::{self, CRYPTO, V1};
use super::reader::Reader;

/// The longest packet number, and what is looked at to find how long this one is (RFC 9001 section 5.4.2).
const LONGEST_NUMBER: usize = 4;
/// The message of a server that goes on with the handshake (RFC 8446 section 4).
const SERVER_HELLO: u8 = 2;

/// What tells an answer to our packets from noise.
pub(super) struct Asked {
    /// The ids of the first packet.
    pub(super) first: Ids,
    /// The server's keys for its answer.
    pub(super) keys: DirectionalKeys,
    /// The ids of the packet in a version that nobody speaks.
    pub(super) other: Ids,
}

/// What an answer says, in a few words; none where it is no answer to what was asked.
pub(super) fn read(datagram: &[u8], asked: &Asked) -> Option<String> {
    let mut rest = Reader(datagram);
    let first = rest.byte().filter(|byte| byte & 0x80 != 0)?;
    let version = rest.take(4)?;
    let (to, from) = (rest.id()?, rest.id()?);
    if version == [0; 4] {
        let echoed = [asked.first, asked.other].iter().any(|ids| to == ids.ours && from == ids.theirs);
        return echoed.then(|| format!("QUIC version negotiation, {} versions", rest.0.len() / 4));
    }
    if version != V1 || to != asked.first.ours {
        return None;
    }
    match first >> 4 & 3 {
        0 => opened(datagram, rest, &asked.keys),
        2 => Some("QUIC v1: a handshake packet".to_owned()),
        // A token, and a tag of 16 bytes (RFC 9000 section 17.2.5).
        3 if rest.0.len() > 16 => Some("QUIC v1: Retry".to_owned()),
        _ => None,
    }
}

/// What a datagram says to whoever called the server `1111…` and itself `2222…`. Its second part is what the same bytes
/// say as the frames of a packet that opened. Nobody hits upon that by trying. For fuzzing.
pub fn quic_answer(datagram: &[u8]) -> Option<(Option<String>, String)> {
    let ids = |theirs, ours| Ids { theirs: [theirs; 8], ours: [ours; 8] };
    let first = ids(0x11, 0x22);
    let asked = Asked { first, keys: initial::keys(first).ok()?.remote, other: ids(0x33, 0x44) };
    Some((read(datagram, &asked), say(Reader(datagram))))
}

/// Opens an Initial packet, which starts where the datagram does; `rest` is what follows its ids.
fn opened(datagram: &[u8], mut rest: Reader<'_>, keys: &DirectionalKeys) -> Option<String> {
    rest.sized()?;
    let sealed = rest.sized()?;
    let (number, after) = sealed.split_first_chunk::<LONGEST_NUMBER>()?;
    let sample = after.get(..keys.header.sample_len())?;
    let head = datagram.get(..datagram.len() - rest.0.len() - sealed.len())?;
    let (first, middle) = head.split_first()?;
    let (mut first, mut number) = (*first, *number);
    keys.header.decrypt_in_place(sample, &mut first, &mut number).ok()?;
    let (number, _) = number.split_at_checked(usize::from(first & 3) + 1)?;
    let value = number.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let mut body = sealed.get(number.len()..)?.to_vec();
    let frames = keys.packet.decrypt_in_place(value, &[&[first], middle, number].concat(), &mut body).ok()?;
    Some(format!("QUIC v1: {}", say(Reader(frames))))
}

/// What the first frames say (RFC 9000 section 19). Only who read our packet could encrypt them, whatever they say.
fn say(mut frames: Reader<'_>) -> String {
    loop {
        let told = match frames.byte() {
            Some(0 | 1) => continue,
            Some(kind @ (2 | 3)) => match skip_ack(&mut frames, kind) {
                Some(()) => continue,
                None => None,
            },
            Some(CRYPTO) => frames.varint().and_then(|_| frames.sized()).map(handshake),
            Some(0x1c) => frames.varint().map(closed),
            _ => None,
        };
        return told.unwrap_or_else(|| "an Initial packet".to_owned());
    }
}

fn handshake(message: &[u8]) -> String {
    let what = if message.first() == Some(&SERVER_HELLO) { "ServerHello" } else { "a handshake message" };
    what.to_owned()
}

/// Errors from 0x100 on are TLS alerts (RFC 9001 section 4.8).
fn closed(error: u64) -> String {
    match error {
        0x100..=0x1ff => format!("it refuses with TLS alert {}", error - 0x100),
        _ => format!("it refuses with error {error}"),
    }
}

/// The largest number and the delay, a count of ranges, the first range, then two numbers a range; three more where
/// congestion is counted.
fn skip_ack(frames: &mut Reader<'_>, kind: u8) -> Option<()> {
    let [_, _, ranges, _] = [frames.varint()?, frames.varint()?, frames.varint()?, frames.varint()?];
    let more = ranges.checked_mul(2)?.checked_add(if kind == 3 { 3 } else { 0 })?;
    (0..more).try_for_each(|_| frames.varint().map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    use rustls::quic::{Keys, Version};

    const FIRST: Ids = Ids { theirs: [1; 8], ours: [2; 8] };
    const OTHER: Ids = Ids { theirs: [3; 8], ours: [4; 8] };

    fn keys(side: rustls::Side) -> Keys {
        TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap().keys(&FIRST.theirs, side, Version::V1)
    }

    fn asked() -> Asked {
        Asked { first: FIRST, keys: keys(rustls::Side::Client).remote, other: OTHER }
    }

    /// A server's Initial packet with these frames, to a client of this id.
    fn initial_with(frames: &[u8], to: &[u8; 8], side: rustls::Side) -> Vec<u8> {
        let local = keys(side).local;
        let mut body = [frames, &[0; 40]].concat();
        let mut head = [&[0xc1][..], &V1, &[8], to, &[0, 0]].concat();
        head.extend((0x4000 | u16::try_from(body.len() + 18).unwrap()).to_be_bytes());
        head.extend([0, 7]);
        let tag = local.packet.encrypt_in_place(7, &head, &mut body).unwrap();
        body.extend_from_slice(tag.as_ref());
        // The sample starts four bytes after the packet number does, which has two here.
        let sample = body.get(2..18).unwrap().to_vec();
        let (first, rest) = head.split_first_mut().unwrap();
        local.header.encrypt_in_place(&sample, first, rest.last_chunk_mut::<2>().unwrap()).unwrap();
        [head, body].concat()
    }

    fn answer_to(frames: &[u8]) -> Option<String> {
        read(&initial_with(frames, &FIRST.ours, rustls::Side::Server), &asked())
    }

    #[test]
    fn an_initial_packet_that_opens_is_an_answer_and_says_what_is_in_it() {
        assert_eq!(answer_to(&[2, 0, 0, 0, 0, CRYPTO, 0, 2, SERVER_HELLO, 0]).as_deref(), Some("QUIC v1: ServerHello"));
        assert_eq!(answer_to(&[0x1c, 0x41, 0x78, 0, 0]).as_deref(), Some("QUIC v1: it refuses with TLS alert 120"));
        assert_eq!(answer_to(&[0x1c, 0x02, 0, 0]).as_deref(), Some("QUIC v1: it refuses with error 2"));
        let endless = [2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(answer_to(&endless).as_deref(), Some("QUIC v1: an Initial packet"));
    }

    #[test]
    fn what_nobody_needed_our_packet_for_is_no_answer() {
        let frames = [CRYPTO, 0, 2, SERVER_HELLO, 0];
        let to_another = initial_with(&frames, &[9; 8], rustls::Side::Server);
        let with_our_own_keys = initial_with(&frames, &FIRST.ours, rustls::Side::Client);
        let mut spoiled = initial_with(&frames, &FIRST.ours, rustls::Side::Server);
        *spoiled.last_mut().unwrap() ^= 1;
        let negotiation = |to: &[u8], from: &[u8]| [&[0x80, 0, 0, 0, 0, 8], to, &[8], from, &V1].concat();
        let retry = |to: &[u8]| [&[0xf0][..], &V1, &[8], to, &[0], &[5; 20]].concat();
        for bytes in [&to_another, &with_our_own_keys, &spoiled, &negotiation(&[9; 8], &[1; 8]), &retry(&[9; 8])] {
            assert_eq!(read(bytes, &asked()), None);
        }
        assert!(read(&retry(&FIRST.ours), &asked()).unwrap().contains("Retry"));
        for ids in [FIRST, OTHER] {
            let words = read(&negotiation(&ids.ours, &ids.theirs), &asked()).unwrap();
            assert_eq!(words, "QUIC version negotiation, 1 versions");
        }
        assert_eq!(read(&negotiation(&FIRST.theirs, &FIRST.ours), &asked()), None, "our own packet, sent back");
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), start in 0usize..80) {
            let mut packet = initial_with(&[CRYPTO, 0], &FIRST.ours, rustls::Side::Server);
            packet.splice(start.min(packet.len()).., bytes.iter().copied());
            let _ = (read(&packet, &asked()), read(&bytes, &asked()));
            let _ = say(Reader(&bytes));
        }
    }
}
