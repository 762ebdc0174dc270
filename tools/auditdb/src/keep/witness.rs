//! Who remembers how far each segment went: the database, the log beside the key, the anchors.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::chain::Link;
use crate::checkpoint::{About, Book, Checkpoint, Compacted, Entry, Notary};
use crate::fold::Seen;
use crate::plural::many;
use crate::store::Store;

/// Who vouches for a mark in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// The database, which lies where the spool lies.
    Database,
    /// A checkpoint in the log beside the key.
    Log(u64),
    /// A checkpoint in a file elsewhere.
    Anchor(String, u64),
}

/// A place in a segment that its chain must come by.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) at: u64,
    pub(super) link: Link,
    pub(super) lines: u64,
    pub(super) by: By,
}

/// The end of a segment that its writer has closed.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) lines: u64,
    pub(super) link: Link,
    by: By,
}

impl Mark {
    /// What the mark says, for who finds it broken.
    pub(super) fn said(&self) -> String {
        self.by.said(self.lines)
    }
}

impl Ended {
    /// The checkpoint's word, for a message.
    pub(super) fn said(&self) -> String {
        self.by.said(self.lines)
    }
}

impl By {
    fn said(&self, lines: u64) -> String {
        let lines = many(lines, "line", "lines");
        match self {
            Self::Database => format!("the database holds {lines} of it"),
            Self::Log(sequence) => format!("checkpoint {sequence} says that it has {lines}"),
            Self::Anchor(file, sequence) => format!("checkpoint {sequence} in {file} says that it has {lines}"),
        }
    }
}

/// All marks in segments that somebody vouches for.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    /// Marks by segment, in the order of their bytes.
    pub(super) marks: BTreeMap<String, Vec<Mark>>,
    /// Where segments that were closed end.
    pub(super) ends: BTreeMap<String, Ended>,
    /// Segments that were let go, by who has the key.
    pruned: BTreeSet<String>,
    /// The pruned segments whose files were removed.
    removed: BTreeSet<String>,
    /// How many segments and lines that were.
    pub(super) let_go: (u64, u64),
    /// What the log was rid of, and by which checkpoint.
    rid: Option<(u64, Compacted)>,
    /// The segments that the log names.
    named: BTreeSet<String>,
    /// What is wrong with the witnesses themselves.
    pub(super) faults: Vec<String>,
    /// What could not be evaluated about them.
    pub(super) unknown: Vec<String>,
    /// Is there any outside the record's folder?
    pub(super) outside: bool,
}

impl Witnesses {
    /// What the database alone vouches for, where there is no log of checkpoints.
    pub(super) fn of_database(seen: Vec<Seen>) -> Self {
        let mut all = Self::default();
        for seen in seen {
            let marks = all.marks.entry(seen.name).or_default();
            let (at, link) = seen.reached.unwrap_or((0, Link::first(b"")));
            marks.push(Mark { at, link, lines: seen.lines, by: By::Database });
        }
        all
    }

    /// The log and the anchors beside the database.
    ///
    /// # Errors
    /// If one is there and cannot be read.
    pub(super) fn with_checkpoints(mut self, store: &Store) -> Result<Self> {
        let notary = store.notary();
        let read =
            |path: &std::path::Path| Book::read(path).with_context(|| format!("{}: cannot be read", path.display()));
        let log = read(&notary.log())?.unbroken();
        self.rid = log.compacted().and_then(|(at, sum)| Some((log.entries.get(at)?.checkpoint.sequence, sum.clone())));
        self.named =
            log.entries.iter().filter_map(|entry| entry.checkpoint.about.segment()).map(str::to_owned).collect();
        let rid = self.rid.as_ref().map_or((0, 0), |(_, sum)| (sum.segments, sum.lines));
        self.let_go = log.pruned().values().fold(rid, |(segments, lines), more| (segments + 1, lines + more));
        self.key(&notary, &log);
        self.inherited(store, &log)?;
        self.take(&log, By::Log);
        for anchor in notary.files() {
            let book = read(anchor)?;
            let name = anchor.display().to_string();
            self.take(&book, |sequence| By::Anchor(name.clone(), sequence));
            self.anchored(&book, &log);
        }
        self.marks.values_mut().for_each(|marks| marks.sort_by_key(|mark| mark.at));
        Ok(self)
    }

    /// Is nothing remembered at all?
    pub(super) fn know_nothing(&self) -> bool {
        self.marks.is_empty() && self.ends.is_empty() && self.pruned.is_empty() && self.faults.is_empty()
    }

    /// Is anything remembered of how far the segment went?
    pub(super) fn remember(&self, name: &str) -> bool {
        self.marks.contains_key(name) || self.ends.contains_key(name)
    }

    /// Of each segment, the last word on how far it went.
    pub(super) fn last_words(&self) -> BTreeMap<&str, String> {
        let ends = self.ends.iter().map(|(name, end)| (name.as_str(), end.said()));
        let marks = self.marks.iter().filter_map(|(name, marks)| Some((name.as_str(), marks.last()?.said())));
        ends.chain(marks).collect()
    }

    /// Was the segment let go?
    pub(super) fn is_pruned(&self, name: &str) -> bool {
        self.pruned.contains(name) || self.is_let_go(name)
    }

    /// Was it let go, and its file removed?
    pub(super) fn is_let_go(&self, name: &str) -> bool {
        let behind = self.rid.as_ref().is_some_and(|(_, sum)| name < sum.horizon.as_str());
        self.removed.contains(name) || (behind && !self.named.contains(name))
    }

    /// Was it let go, and the file may still be there, because `prune` was killed?
    pub(super) fn is_begun(&self, name: &str) -> bool {
        self.pruned.contains(name) && !self.removed.contains(name)
    }

    /// Segments that were there before the log, and still are: nobody known has signed them.
    fn inherited(&mut self, store: &Store, log: &Book) -> Result<()> {
        for Entry { checkpoint, .. } in &log.entries {
            let About::Inherited(before) = &checkpoint.about else { continue };
            let unsigned = |name: &str| name <= before.last.as_str() && !self.named.contains(name);
            let left = store.spool().segments()?.iter().filter(|segment| unsigned(&segment.name)).count() as u64;
            if left > 0 {
                let segments = many(left, "segment was", "segments were");
                let why = "no known key has signed what is in them, for the key or the log was lost";
                self.unknown
                    .push(format!("{}: {segments} there before its first checkpoint: {why}", log.path.display()));
            }
        }
        Ok(())
    }

    /// Did `prune` remove this segment before the log was compacted? Then an anchor of that time need not find it. The
    /// log itself names those that must be there.
    fn is_rid_of(&self, sequence: u64, name: &str) -> bool {
        let before = |(last, sum): &(u64, Compacted)| sequence < *last && name < sum.horizon.as_str();
        self.rid.as_ref().is_some_and(before) && !self.named.contains(name)
    }

    /// Did the key that is here sign the log?
    fn key(&mut self, notary: &Notary, log: &Book) {
        let Some(last) = log.entries.last() else { return };
        let (path, signs) = (log.path.display(), log.signing_key());
        match notary.public().and_then(|key| Ok((key, notary.next_public()?))) {
            Err(error) => self.unknown.push(format!("{error:#}")),
            Ok((None, _)) => self.unknown.push(format!("{path}: the key that signed it is gone")),
            // A crash may have kept the next key from its place.
            Ok((key, next)) if signs.is_none() || (key != signs && next != signs) => {
                self.faults.push(format!("{path}: not all of it was signed by the key beside it"));
            }
            Ok(_) => self.outside |= last.checkpoint.sequence > 0,
        }
    }

    /// An anchor that holds nothing proves nothing, and one that knows more than the log convicts it.
    fn anchored(&mut self, book: &Book, log: &Book) {
        let roots: BTreeSet<&str> = log.entries.iter().map(|entry| entry.root.as_str()).collect();
        let sequences: BTreeSet<u64> = log.entries.iter().map(|entry| entry.checkpoint.sequence).collect();
        let keys: BTreeSet<&str> = log.entries.iter().flat_map(|entry| entry.checkpoint.keys()).collect();
        // A checkpoint that compaction removed: older than its horizon, signed by a key of this log, its number free.
        let rid = |Checkpoint { sequence, key, .. }: &Checkpoint| {
            self.rid.as_ref().is_some_and(|(last, _)| sequence < last)
                && !sequences.contains(sequence)
                && keys.contains(key.as_str())
        };
        let name = book.path.display();
        self.outside |= !book.entries.is_empty();
        if book.entries.is_empty() && book.faults.is_empty() {
            self.unknown.push(format!("{name}: the anchor is not there, or holds nothing"));
        }
        let more = book.entries.iter().find(|entry| !roots.contains(entry.root.as_str()) && !rid(&entry.checkpoint));
        if let Some(Entry { checkpoint, .. }) = more {
            let why = "which the log beside the key does not know: it was cut off or signed anew";
            self.faults.push(format!("{name}: holds checkpoint {}, {why}", checkpoint.sequence));
        }
    }

    fn take(&mut self, book: &Book, by: impl Fn(u64) -> By) {
        self.faults.extend(book.faults.iter().map(|fault| format!("{}: {fault}", book.path.display())));
        let begun = book.unfinished();
        self.removed.extend(book.pruned().into_keys().filter(|name| !begun.contains(name)));
        for Entry { checkpoint, .. } in &book.entries {
            match &checkpoint.about {
                About::Rotated(_) | About::Compacted(_) | About::Inherited(_) => {}
                About::Pruned(gone) => drop(self.pruned.insert(gone.segment.clone())),
                About::Closed(closed) => {
                    let Ok(link) = closed.head.parse() else { continue };
                    if !self.is_rid_of(checkpoint.sequence, &closed.segment) {
                        let end = Ended { lines: closed.lines, link, by: by(checkpoint.sequence) };
                        self.ends.entry(closed.segment.clone()).or_insert(end);
                    }
                }
                About::Written(written) => {
                    if self.is_rid_of(checkpoint.sequence, &written.segment) {
                        continue;
                    }
                    let Ok(link) = written.head.parse() else { continue };
                    let mark = Mark { at: written.bytes, link, lines: written.lines, by: by(checkpoint.sequence) };
                    self.marks.entry(written.segment.clone()).or_default().push(mark);
                }
            }
        }
    }
}
