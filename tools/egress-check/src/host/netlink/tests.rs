//! What the kernel may answer: made by the library, and cut, turned and mixed by hand.

use std::io;

use netlink_packet_core::{DoneMessage, ErrorMessage, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::neighbour::NeighbourHeader;
use proptest::prelude::*;

use super::*;

fn framed(payload: NetlinkPayload<RouteNetlinkMessage>) -> Vec<u8> {
    dump::bytes(NetlinkMessage::new(NetlinkHeader::default(), payload))
}

/// An entry of interface 7, as the kernel tells it: the address of the card goes with it.
fn entry(state: NeighbourState, ip: &str) -> Vec<u8> {
    let mut entry = NeighbourMessage::default();
    entry.header = NeighbourHeader { family: AddressFamily::Inet6, ifindex: 7, state, ..NeighbourHeader::default() };
    let ip: Ipv6Addr = ip.parse().unwrap();
    entry.attributes =
        vec![NeighbourAttribute::LinkLayerAddress(vec![2, 0, 0, 0, 0, 1]), NeighbourAttribute::Destination(ip.into())];
    framed(RouteNetlinkMessage::NewNeighbour(entry).into())
}

fn done(code: i32) -> Vec<u8> {
    let mut done = DoneMessage::default();
    done.code = code;
    framed(NetlinkPayload::Done(done))
}

fn read(datagram: &[u8]) -> (Result<bool>, Vec<Neighbour>) {
    let mut found = Vec::new();
    (read_some(datagram, &mut found), found)
}

fn refused_with(datagram: &[u8]) -> Option<i32> {
    read(datagram).0.unwrap_err().downcast_ref::<io::Error>()?.raw_os_error()
}

/// The layout is the kernel's: what is asked, byte by byte.
#[test]
fn the_question_is_a_dump_of_the_neighbours_over_ipv6_alone() {
    let asked = question();
    assert_eq!(asked[..4], 28u32.to_ne_bytes(), "a head of 16 bytes, and ndmsg's 12");
    assert_eq!(asked[4..6], 30u16.to_ne_bytes(), "RTM_GETNEIGH");
    assert_eq!(asked[6..8], 0x301u16.to_ne_bytes(), "NLM_F_REQUEST and NLM_F_DUMP");
    assert_eq!(asked[16..], [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "AF_INET6");
}

#[test]
fn who_answered_lately_is_a_neighbour_and_who_never_did_is_none() {
    use NeighbourState::{Delay, Failed, Incomplete, Noarp, Other, Permanent, Probe, Reachable, Stale};
    let alive = [Reachable, Stale, Delay, Probe, Permanent, Other(0x82)];
    let datagram = alive.map(|state| entry(state, "2001:db8:77::10")).concat();
    let here = Neighbour { ip: "2001:db8:77::10".parse().unwrap(), index: 7 };
    let (end, found) = read(&datagram);
    assert_eq!(found, [here; 6]);
    assert!(!end.unwrap(), "more is to come");
    let others = [Incomplete, Failed, Noarp, NeighbourState::None].map(|state| entry(state, "2001:db8:77::99"));
    let nobody = [entry(Noarp, "ff02::1"), entry(Permanent, "ff02::1"), entry(Reachable, "::")].concat();
    let (end, found) = read(&[others.concat(), nobody, entry(Stale, "fe80::1"), done(0)].concat());
    assert_eq!(found, [Neighbour { ip: "fe80::1".parse().unwrap(), index: 7 }]);
    assert!(end.unwrap());
}

#[test]
fn a_refusal_is_no_empty_table() {
    let mut refusal = ErrorMessage::default();
    refusal.code = std::num::NonZeroI32::new(-1);
    assert_eq!(refused_with(&framed(NetlinkPayload::Error(refusal))), Some(1), "EPERM");
    assert_eq!(refused_with(&done(-12)), Some(12), "a dump that ends with ENOMEM is not whole");
    assert!(read(&framed(NetlinkPayload::Overrun(Vec::new()))).0.is_err());
}

#[test]
fn an_answer_that_is_cut_is_no_shorter_table() {
    let whole = entry(NeighbourState::Reachable, "fe80::1");
    for length in 1..whole.len() {
        assert!(read(&whole[..length]).0.is_err(), "{length} bytes");
    }
}

#[test]
fn a_message_begins_at_a_multiple_of_four_bytes() {
    let mut odd = framed(NetlinkPayload::Noop);
    odd.splice(..4, 17u32.to_ne_bytes());
    odd.resize(20, 0);
    let (end, found) = read(&[odd, entry(NeighbourState::Reachable, "fe80::1"), done(0)].concat());
    assert!(end.unwrap());
    assert_eq!(found.len(), 1);
}

#[test]
fn the_kernel_of_this_machine_answers() {
    alive_v6().unwrap();
}

proptest! {
    #[test]
    fn no_datagram_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), length in 0u32..200, kind in 0u16..110) {
        let _ = read(&body);
        for kind in [kind, 28] {
            let _ = read(&[&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &body].concat());
        }
    }
}
