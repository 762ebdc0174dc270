//! What a fuzzer may call (`tests/fuzz`): the parsers whose text another program had a hand in.

use std::path::Path;

use crate::checkpoint::{Book, Proof};
use crate::line::{self, Scanner};
use crate::refs;
use crate::source::Source;

/// A line on the way into the record, from nobody known and from the cell.
///
/// # Panics
/// If what is written in the place of a refused line would be refused too.
pub fn line(bytes: &[u8]) {
    let (text, own) = (line::text(bytes), Source::own());
    for source in [None, Some(&own)] {
        if let Err((claim, fault)) = line::judge(&mut Scanner::default(), &text, source) {
            let told = line::rejected(bytes, source, claim, &fault).to_json().unwrap_or_default();
            let judged = line::judge(&mut Scanner::default(), &told, Some(&own));
            assert!(judged.is_ok(), "a record of our own is none: {told}");
        }
    }
}

/// What `git ls-remote` prints of a server that nobody has to trust.
///
/// # Panics
/// If the same answer twice is a change.
pub fn ls_remote(bytes: &[u8]) {
    assert!(refs::is_steady(bytes), "the same refs twice are a change");
}

/// A proof from another machine.
///
/// # Panics
/// If a key that signed nothing proves it.
pub fn proof(bytes: &[u8]) {
    if let Ok(proof) = serde_json::from_slice::<Proof>(bytes) {
        assert!(proof.check(&["0".repeat(64).as_str()]).is_err(), "a key that signed nothing proves it");
        proof.climb();
    }
}

/// The log of checkpoints, or what an anchor holds.
///
/// # Panics
/// If a checkpoint that was read would be written otherwise.
pub fn checkpoints(bytes: &[u8]) {
    let book = Book::parse(Path::new("log"), bytes).unbroken();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(book.entries.len() + book.faults.len() <= 2 * lines + 1, "more checkpoints and faults than lines");
    drop((book.signing_key(), book.pruned()));
}
