//! Checkpoints: signed words on how far the record went, kept where who writes the record's folder cannot reach.
//!
//! Who can write the record's folder can make every file in it say the same. He can cut a segment and delete the
//! database, write another chain, or put an older copy of all back. Nothing that lies in the folder can contradict
//! that, signed or not, for an old signature stays true. So what convicts must lie outside:
//!
//! - **The folder of the key** (`audit.key` beside `audit`, 0700) holds the key and the log of all checkpoints. Each
//!   names a segment, how far it reached and its link there; each link covers all before it. A segment that is missing
//!   is found with no database and after any roll-back. So is one that does not come by a link that was signed. What
//!   `prune` removes is signed away by a tombstone, which nobody without the key can write. The log does not grow for
//!   ever: `prune` sums up in one checkpoint what it said of segments that are gone.
//! - **An anchor** is a file elsewhere, or a command, that gets the same lines. A file is held against the record for
//!   those who can also write the key's folder: they can sign anew, but cannot make the anchor forget.
//!
//! A log that begins where segments are already there says so in its first checkpoint: a lost key does not heal in
//! silence.
//!
//! A segment that is closed gets the root of a Merkle tree over its lines signed too. So one line can be proved to who
//! has none of the others.
//!
//! What stays open: lines that came after the last checkpoint (15 min, 10,000 lines, or a kill) are only chained. Root
//! can forge all but what an anchor has read before.

mod anchor;
mod book;
mod compact;
mod key;
mod notary;
mod proof;
mod wire;

pub(crate) use anchor::Anchor;
pub(crate) use book::{Book, Entry};
pub(crate) use notary::Notary;
pub(crate) use proof::Proof;
pub(crate) use wire::{About, Checkpoint, Closed, Compacted, Inherited, Pruned, Written};

#[cfg(test)]
mod tests;
