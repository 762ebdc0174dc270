//! What a fuzzer may call (`tests/fuzz`): the parsers whose text another program had a hand in.

use crate::listing::Listing;
use crate::{flows, target};

/// What `nft -j` prints: the listing, its bridges, its flows and the ranges of its sets.
pub fn nft_json(text: &[u8]) {
    let Ok(listing) = Listing::parse(text) else { return };
    drop(flows::read(&listing));
    drop(listing.bridges());
    for set in listing.sets.values() {
        drop(set.ranges());
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
