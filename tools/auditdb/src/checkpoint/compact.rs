//! The log of checkpoints, kept short: what it says of segments that were let go is summed up in one checkpoint.
//!
//! A segment that has its tombstone and is older than each that is left goes whole, with the tombstone. Of another with
//! a tombstone goes all but that. Of every other segment goes all but the last word on how far it went: a link covers
//! all before it. So the log is bounded by what the policy retains. The checkpoint that does so signs the roots of
//! those that stay, one after the other. So none of these can be taken out unseen either.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Book, Entry};
use super::wire::{About, Compacted};
use crate::chain::Link;

/// What stays of a log, and the word on what does not; `None` where all of it stays.
pub(super) fn compacted(log: Book, living: &BTreeSet<String>) -> Option<(Vec<Entry>, Compacted)> {
    let mut sum = log.compacted().map(|(_, sum)| sum.clone()).unwrap_or_default();
    let pruned: BTreeMap<String, u64> = log.pruned();
    let horizon = horizon(&log, living, &pruned);
    let last: BTreeMap<String, u64> = log
        .entries
        .iter()
        .filter_map(|entry| match &entry.checkpoint.about {
            About::Written(written) => Some((written.segment.clone(), entry.checkpoint.sequence)),
            _ => None,
        })
        .collect();
    let (all, unfinished) = (log.entries.len(), !log.unfinished().is_empty());
    let stays = |entry: &Entry| match &entry.checkpoint.about {
        About::Rotated(_) | About::Inherited(_) => true,
        About::Compacted(_) => false,
        About::Pruned(gone) => gone.segment >= horizon,
        About::Closed(closed) => !pruned.contains_key(&closed.segment),
        About::Written(written) => {
            !pruned.contains_key(&written.segment) && last.get(&written.segment) == Some(&entry.checkpoint.sequence)
        }
    };
    let kept: Vec<Entry> = log.entries.into_iter().filter(stays).collect();
    let gone = (all - kept.len()) as u64;
    for (_, lines) in pruned.iter().filter(|(name, _)| **name < horizon) {
        (sum.segments, sum.lines) = (sum.segments + 1, sum.lines + lines);
    }
    (sum.checkpoints, sum.horizon, sum.kept) = (sum.checkpoints + gone, horizon, digest(&kept));
    // Behind a tombstone it also says that the file was removed.
    (gone > 0 || unfinished).then_some((kept, sum))
}

/// The name that sorts before those of all segments that are there, or must be there. It never goes back, also where
/// the clock was set back: what was summed up once stays so.
fn horizon(log: &Book, living: &BTreeSet<String>, pruned: &BTreeMap<String, u64>) -> String {
    let named = log.entries.iter().filter_map(|entry| entry.checkpoint.about.segment());
    let named = named.filter(|name| !pruned.contains_key(*name));
    let first = living.iter().map(String::as_str).chain(named).min();
    // Where nothing is left, behind the last that was let go.
    let behind = || pruned.keys().next_back().map(|last| format!("{last}~"));
    let before = log.compacted().map(|(_, sum)| sum.horizon.clone()).unwrap_or_default();
    first.map(str::to_owned).or_else(behind).unwrap_or_default().max(before)
}

/// One value for the roots of entries, in their order.
pub(super) fn digest(entries: &[Entry]) -> String {
    let roots: String = entries.iter().map(|entry| format!("{}\n", entry.root)).collect();
    Link::over(&[roots.as_bytes()]).to_string()
}
