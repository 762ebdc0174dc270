//! What a fuzzer may call (`tests/fuzz`): the parsers whose text another program had a hand in.

use std::collections::BTreeMap;

use crate::backend::iptables::{facts, saved::Saved, sets};
use crate::backend::nft::transaction;
use crate::backend::ruleset::Listing;
use crate::backend::{denied_flows, dialect};
use crate::rules::address_set::Family;
use crate::rules::target;

/// What `nft -j` prints: the listing, its bridges, its flows and the ranges of its sets.
pub fn nft_json(text: &[u8]) {
    let Ok(listing) = Listing::parse(text) else { return };
    drop(denied_flows::read(&listing));
    drop(dialect::bridges(&listing));
    for set in listing.sets.values() {
        drop(set.ranges());
    }
}

/// What iptables-save, `ipset list` and `ipset save` print: chains and rules, the heads of sets, their elements.
pub fn iptables_listings(text: &str) {
    if let Ok(saved) = Saved::parse(text) {
        drop(facts::bridges(&saved));
        drop(facts::listing(&[(Family::V4, saved)], BTreeMap::new()));
    }
    drop(sets::headers(text));
    for set in ["special4", "flows4-cell", "other6-cell"] {
        drop(sets::elements(set, "br-cell", text));
    }
}

/// What the kernel tells of a table and what is in it: what is taken of a message is taken whole of the copy too.
///
/// # Panics
/// If it is not.
pub fn nft_messages(body: &[u8]) {
    for (copy, again) in transaction::copies(body) {
        assert_eq!(again, Some(copy), "a copy is not what it is a copy of");
    }
}

/// An argument of `explain`: what is accepted means one address, and its plain spelling means the same.
///
/// # Panics
/// If it does not.
pub fn target(text: &str) {
    if let Ok(read) = target::parse(text) {
        let again = target::parse(&read.address.to_string()).map(|plain| plain.address).ok();
        assert_eq!(again, Some(read.address), "{text:?} is another address when written plainly");
    }
}
