//! Checkpoints as they are read back: from the log beside the key, or from an anchor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::compact;
use super::wire::{self, About, Checkpoint, Compacted};

/// One checkpoint whose signature holds.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) root: String,
    /// The checkpoint's line, without its break.
    pub(crate) line: String,
}

/// All checkpoints of one file.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Entry>,
    /// Lines that no key has signed, or that do not follow the one before: where, and why.
    pub(crate) faults: Vec<String>,
}

impl Book {
    /// Reads a file; one that is not there is an empty book.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        Ok(Self::parse(path, &text))
    }

    /// The checkpoints of a file's content.
    pub(crate) fn parse(path: &Path, text: &[u8]) -> Self {
        let mut book = Self { path: path.to_owned(), entries: Vec::new(), faults: Vec::new() };
        // What stands behind the last break was never whole: a crash in the middle of a line.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = String::from_utf8_lossy(text.get(..whole).unwrap_or_default());
        for (at, line) in text.lines().enumerate() {
            book.line(at + 1, line);
        }
        book
    }

    fn line(&mut self, number: usize, line: &str) {
        match wire::read(line) {
            Err(why) => self.faults.push(format!("line {number}: {why}")),
            Ok((checkpoint, root)) => self.entries.push(Entry { checkpoint, root, line: line.to_owned() }),
        }
    }

    /// The key that signs now: the first, and after it each that the one before has signed. `None` if another signed.
    pub(crate) fn signing_key(&self) -> Option<String> {
        let mut key = self.entries.first()?.checkpoint.key.clone();
        for Entry { checkpoint, .. } in &self.entries {
            if checkpoint.key != key {
                return None;
            }
            if let About::Rotated(next) = &checkpoint.about {
                key.clone_from(&next.key);
            }
        }
        Some(key)
    }

    /// Where the log was made shorter last, and what that left out.
    pub(crate) fn compacted(&self) -> Option<(usize, &Compacted)> {
        self.entries.iter().enumerate().rev().find_map(|(at, entry)| match &entry.checkpoint.about {
            About::Compacted(sum) => Some((at, sum)),
            _ => None,
        })
    }

    /// The segments that have a tombstone in it, and how many lines they had.
    pub(crate) fn pruned(&self) -> BTreeMap<String, u64> {
        let tombs = self.entries.iter().filter_map(|entry| match &entry.checkpoint.about {
            About::Pruned(gone) => Some((gone.segment.clone(), gone.lines)),
            _ => None,
        });
        tombs.collect()
    }

    /// The segments that have a tombstone, and whose files may still be there: `prune` removes them, and then makes the
    /// log shorter.
    pub(crate) fn unfinished(&self) -> BTreeSet<String> {
        let behind = self.compacted().map_or(0, |(at, _)| at + 1);
        let tombs = self.entries.iter().skip(behind).filter_map(|entry| match &entry.checkpoint.about {
            About::Pruned(gone) => Some(gone.segment.clone()),
            _ => None,
        });
        tombs.collect()
    }

    /// Every key that has signed it or signs next, the first first: from when, where that is known, and until when.
    pub(crate) fn keys(&self) -> Vec<(String, Option<Timestamp>, Option<Timestamp>)> {
        let mut keys = Vec::new();
        let Some(Entry { checkpoint: first, .. }) = self.entries.first() else { return keys };
        let (mut key, mut from) = (first.key.clone(), (first.sequence == 1).then_some(first.time));
        for Entry { checkpoint, .. } in &self.entries {
            if let About::Rotated(next) = &checkpoint.about {
                keys.push((std::mem::replace(&mut key, next.key.clone()), from, Some(checkpoint.time)));
                from = Some(checkpoint.time);
            }
        }
        keys.push((key, from, None));
        keys
    }

    /// Checks that each follows the one before, from the first or from where it was made shorter: so that none can be
    /// taken out.
    pub(crate) fn unbroken(mut self) -> Self {
        let mut before = (0, super::notary::BEGINNING.to_owned());
        let mut whole = 0;
        if let Some((at, sum)) = self.compacted()
            && let Some((entry, kept)) = self.entries.get(at).zip(self.entries.get(..at))
        {
            before = (entry.checkpoint.sequence, entry.root.clone());
            whole = at + 1;
            if compact::digest(kept) != sum.kept {
                let why = "those before it are not the ones that it left";
                self.faults.push(format!("checkpoint {}: {why}", entry.checkpoint.sequence));
            }
        }
        for Entry { checkpoint, root, .. } in self.entries.iter().skip(whole) {
            if (checkpoint.sequence, &checkpoint.previous) != (before.0 + 1, &before.1) {
                self.faults.push(format!("checkpoint {} does not follow checkpoint {}", checkpoint.sequence, before.0));
            }
            before = (checkpoint.sequence, root.clone());
        }
        self
    }
}
