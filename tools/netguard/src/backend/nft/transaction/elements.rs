//! Ranges as the elements of a set, in the form in which nft writes them: where each begins and where it has ended.
//!
//! A set of ranges in the kernel is a row of borders. In front of the first range stands one that ends something;
//! a range that reaches the last address has no end. That nft shall list that one as a range, its beginning
//! carries a note in nft's own hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::batch::{Batch, CREATE};
use super::kinds::{DELETE_ELEMENT, ELEMENT_FLAGS, ELEMENT_KEY, ELEMENT_NOTES, ELEMENTS, NEW_ELEMENT, SET_NAME, named};
use crate::host::netlink::append;
use crate::host::numbers::NLA_F_NESTED;

/// The most elements in one message, in bytes: the length of what holds them is stated in 16 bits.
const MOST: usize = 60 << 10;
/// The flag `NFT_SET_ELEM_INTERVAL_END`, as an attribute.
const ENDS: [u8; 8] = {
    let ([a, b], [c, d], [e, f, g, h]) = (8u16.to_ne_bytes(), ELEMENT_FLAGS.to_ne_bytes(), 1u32.to_be_bytes());
    [a, b, c, d, e, f, g, h]
};
/// An attribute, two bytes of it padding: nft's note (type 1, four bytes: 1) that no end follows.
const OPEN: [u8; 12] = {
    let ([a, b], [c, d], [e, f, g, h]) = (10u16.to_ne_bytes(), ELEMENT_NOTES.to_ne_bytes(), 1u32.to_ne_bytes());
    [a, b, c, d, 1, 4, e, f, g, h, 0, 0]
};

/// Puts the elements of a set into a batch.
pub(super) fn fill(set: &str, ranges: &[IpNet], batch: &mut Batch) {
    let Some(first) = ranges.first() else { return };
    let mut elements = Elements { set, list: Vec::with_capacity(MOST), batch };
    if !first.network().is_unspecified() {
        elements.push(zero(first), Border::End);
    }
    for range in ranges {
        let after = after(range);
        elements.push(range.network(), if after.is_some() { Border::Beginning } else { Border::BeginningOfTheLast });
        if let Some(after) = after {
            elements.push(after, Border::End);
        }
    }
    elements.flush();
}

/// Deletes all elements: the kernel takes a deletion that names none for that.
pub(super) fn empty(set: &str, batch: &mut Batch) {
    batch.push(DELETE_ELEMENT, 0, &named(SET_NAME, set), format!("the emptying of set {set}"));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Border {
    Beginning,
    BeginningOfTheLast,
    End,
}

struct Elements<'a> {
    set: &'a str,
    list: Vec<u8>,
    batch: &'a mut Batch,
}

impl Elements<'_> {
    fn push(&mut self, address: IpAddr, border: Border) {
        match address {
            IpAddr::V4(address) => self.write(&address.octets(), border),
            IpAddr::V6(address) => self.write(&address.octets(), border),
        }
    }

    fn write<const N: usize>(&mut self, address: &[u8; N], border: Border) {
        let note: &[u8] = match border {
            Border::Beginning => &[],
            Border::BeginningOfTheLast => &OPEN,
            Border::End => &ENDS,
        };
        let length = 12 + N + note.len();
        if self.list.len() + length > MOST {
            self.flush();
        }
        self.head(length, ELEMENT_KEY | NLA_F_NESTED);
        self.list.extend_from_slice(note);
        self.head(8 + N, ELEMENT_KEY | NLA_F_NESTED);
        self.head(4 + N, 1);
        self.list.extend_from_slice(address);
    }

    /// Both numbers are small: an element is 40 bytes at most.
    fn head(&mut self, length: usize, kind: u16) {
        self.list.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes());
        self.list.extend_from_slice(&kind.to_ne_bytes());
    }

    fn flush(&mut self) {
        let mut body = named(SET_NAME, self.set);
        append(&mut body, ELEMENTS, true, &self.list);
        self.batch.push(NEW_ELEMENT, CREATE, &body, format!("the ranges of set {}", self.set));
        self.list.clear();
    }
}

/// The address after the last one of a range, unless that is the last of all.
fn after(range: &IpNet) -> Option<IpAddr> {
    match range.broadcast() {
        IpAddr::V4(last) => u32::from(last).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(last) => u128::from(last).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

fn zero(of: &IpNet) -> IpAddr {
    match of {
        IpNet::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpNet::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, attributes};
    use crate::rules::address_set::merged;
    use proptest::prelude::*;

    /// The borders that a batch says, in order: address, and whether something ends there.
    fn borders(ranges: &[IpNet]) -> Vec<(Vec<u8>, bool, bool)> {
        let mut batch = Batch::begin(None);
        fill("listed4", ranges, &mut batch);
        let lists = batch.bodies(NEW_ELEMENT);
        assert!(lists.iter().all(|body| body.len() < 1 << 16));
        let borders = |body: &Vec<u8>| {
            attributes(attribute(&body[4..], ELEMENTS).unwrap())
                .map(|(_, element)| {
                    let key = attribute(attribute(element, ELEMENT_KEY).unwrap(), 1).unwrap();
                    let ends = attribute(element, 3).is_some_and(|flags| flags == 1u32.to_be_bytes());
                    (key.to_vec(), ends, attribute(element, 6).is_some())
                })
                .collect::<Vec<_>>()
        };
        lists.iter().flat_map(borders).collect()
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_range_begins_and_ends_and_what_is_before_the_first_has_ended() {
        let four = |address: [u8; 4]| address.to_vec();
        assert_eq!(
            borders(&nets(&["10.0.0.0/24", "10.0.1.0/25"])),
            [
                (four([0, 0, 0, 0]), true, false),
                (four([10, 0, 0, 0]), false, false),
                (four([10, 0, 1, 0]), true, false),
                (four([10, 0, 1, 0]), false, false),
                (four([10, 0, 1, 128]), true, false),
            ]
        );
        assert_eq!(borders(&[]), []);
    }

    #[test]
    fn the_first_address_has_nothing_before_it_and_the_last_nothing_after() {
        let all = [(vec![0; 4], false, true)];
        assert_eq!(borders(&nets(&["0.0.0.0/0"])), all);
        assert_eq!(borders(&nets(&["::/0"])), [(vec![0; 16], false, true)]);
        assert_eq!(borders(&nets(&["255.255.255.255/32"])), [(vec![0; 4], true, false), (vec![255; 4], false, true)]);
        let upper = borders(&nets(&["::/1", "8000::/1"]));
        assert_eq!(
            upper.iter().map(|(_, ends, open)| (*ends, *open)).collect::<Vec<_>>(),
            [(false, false), (true, false), (false, true)]
        );
    }

    proptest! {
        #[test]
        fn the_borders_say_of_every_address_what_the_ranges_say(
            bits in proptest::collection::vec((any::<u32>(), 0u8..=32), 0..40), asked in any::<u32>()
        ) {
            let ranges: Vec<IpNet> =
                bits.iter().map(|(bits, length)| IpNet::new(Ipv4Addr::from(*bits).into(), *length).unwrap().trunc()).collect();
            let ranges = merged(&ranges);
            let borders = borders(&ranges);
            let near = ranges.iter().flat_map(|range| [range.network(), range.broadcast()]);
            for address in near.chain([Ipv4Addr::from(asked).into()]) {
                let IpAddr::V4(four) = address else { unreachable!() };
                let key = four.octets().to_vec();
                let last = borders.iter().rfind(|(border, _, _)| *border <= key);
                let inside = last.is_some_and(|(_, ends, _)| !ends);
                prop_assert_eq!(inside, crate::rules::address_set::holds(&ranges, address), "{}", address);
            }
        }
    }

    #[test]
    fn a_long_list_is_many_messages_and_nothing_of_it_is_lost() {
        let ranges: Vec<IpNet> =
            (0..100_000u32).map(|n| IpNet::new(Ipv4Addr::from((16 << 24) + (n << 9)).into(), 24).unwrap()).collect();
        assert_eq!(borders(&ranges).len(), 200_001);
    }
}
