//! A segment while it is written: created anew, only ever appended to, by one process.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use uuid::Uuid;

use super::batch::Batch;
use crate::chain::Link;
use crate::checkpoint::{Closed, Written};
use crate::line;
use crate::merkle::{Tree, leaf};
use crate::source::Source;

/// The format that [`super`] describes.
pub(crate) const FORMAT: u32 = 1;
/// The length of the UUID that a segment's file name begins with.
const UUID: usize = 36;
/// The end of a segment's file name.
pub(crate) const SUFFIX: &str = ".jsonl";

/// A segment this long, or this old, is closed and another begun. So old lines can be pruned by the file: a writer that
/// says little must not keep the lines of a year in one.
const FULL: (u64, Duration) = (64 << 20, Duration::from_secs(86_400));

fn is_full(length: u64, age: Duration) -> bool {
    length >= FULL.0 || age >= FULL.1
}

/// When a segment was begun, as its name says.
pub(crate) fn begun(name: &str) -> Option<Timestamp> {
    let (seconds, nanoseconds) = Uuid::try_parse(name.get(..UUID)?).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

/// How far the time in a segment's name may be from the one in its header: both are read at once.
const APART: u64 = 10_000;

/// Did the writer that wrote this header, when and as which process, give the file this name? Of a file without a
/// header only the form is known.
pub(crate) fn is_named(name: &str, header: Option<(Timestamp, u32)>) -> bool {
    let parts = name.strip_suffix(SUFFIX).and_then(|stem| stem.split_at_checked(UUID));
    let Some((id, process)) = parts.and_then(|(id, rest)| Some((id, rest.strip_prefix('-')?))) else { return false };
    let id = Uuid::try_parse(id).ok().filter(|read| read.to_string() == id && read.get_version_num() == 7);
    let time = id.and_then(|id| id.get_timestamp()).map(|time| time.to_unix());
    let (Some((seconds, nanoseconds)), Ok(pid)) = (time, process.parse::<u32>()) else { return false };
    let named = i64::try_from(seconds * 1000 + u64::from(nanoseconds / 1_000_000)).unwrap_or(i64::MAX);
    let goes_with = |(created, by): (Timestamp, u32)| by == pid && created.as_millisecond().abs_diff(named) <= APART;
    pid.to_string() == process && header.is_none_or(goes_with)
}

#[derive(Debug, Serialize)]
struct First<'a> {
    segment: About<'a>,
}

#[derive(Debug, Serialize)]
struct About<'a> {
    format: u32,
    created: Timestamp,
    pid: u32,
    previous: Option<Previous<'a>>,
}

/// The segment that the same writer wrote before, and its last link: so that it can't be taken away unseen.
#[derive(Debug, Serialize)]
struct Previous<'a> {
    name: &'a str,
    sha256: String,
}

/// A segment, open for writing.
#[derive(Debug)]
pub(crate) struct Segment {
    file: File,
    pub(crate) name: String,
    pub(crate) link: Link,
    pub(crate) length: u64,
    lines: u64,
    sources: BTreeMap<String, u64>,
    tree: Tree,
    begun: Instant,
}

impl Segment {
    /// Creates a segment in the folder and makes its name durable.
    pub(crate) fn create(folder: &Path, previous: Option<&Self>) -> io::Result<Self> {
        // A UUIDv7 sorts by time; the process is named for whoever looks for a writer that hangs.
        // Read together: a name that does not go with the header is a copy's.
        let (id, created) = (Uuid::now_v7(), Timestamp::now());
        let name = format!("{id}-{}{SUFFIX}", std::process::id());
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(folder.join(&name))?;
        // Held until we end: a segment that is open is not pruned. Whoever asks whether it is open holds a lock of its
        // own for that moment, and is waited for.
        flock(&file, FlockOperation::LockShared)?;
        let previous = previous.map(|before| Previous { name: &before.name, sha256: before.link.to_string() });
        let about = About { format: FORMAT, created, pid: std::process::id(), previous };
        let mut header = serde_json::to_vec(&First { segment: about })?;
        header.push(b'\n');
        let mut segment = Self {
            file,
            name,
            link: Link::first(&header),
            length: 0,
            lines: 0,
            sources: BTreeMap::new(),
            tree: Tree::default(),
            begun: Instant::now(),
        };
        segment.put(&[&header])?;
        segment.file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(segment)
    }

    /// A day passes.
    #[cfg(test)]
    pub(super) fn grow_old(&mut self) {
        self.begun = self.begun.checked_sub(FULL.1).unwrap_or(self.begun);
    }

    /// Appends a batch whole or not at all. It is on the disk only after [`Segment::sync`].
    pub(crate) fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let (head, link) = batch.head(&self.link)?;
        self.put(&[head.as_bytes(), &batch.body])?;
        self.link = link;
        self.lines += batch.lines;
        line::split(&batch.body).for_each(|line| self.tree.push(leaf(line)));
        let source = batch.source.as_ref().map_or("claimed", Source::as_str);
        *self.sources.entry(source.to_owned()).or_default() += batch.lines;
        Ok(())
    }

    /// Has it had its day, or its length?
    pub(crate) fn is_full(&self) -> bool {
        is_full(self.length, self.begun.elapsed())
    }

    /// How far it is written, for a checkpoint.
    pub(crate) fn written(&self) -> Written {
        Written {
            segment: self.name.clone(),
            bytes: self.length,
            head: self.link.to_string(),
            lines: self.lines,
            sources: self.sources.clone(),
        }
    }

    /// All of it, for the checkpoint at its end.
    pub(crate) fn closed(&self) -> Closed {
        let (segment, head, tree) = (self.name.clone(), self.link.to_string(), self.tree.root().to_string());
        Closed { segment, lines: self.lines, head, tree }
    }

    /// Waits until all that was appended is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn put(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let written = parts.iter().try_for_each(|part| self.file.write_all(part));
        match written {
            Ok(()) => {
                self.length += parts.iter().map(|part| part.len() as u64).sum::<u64>();
                Ok(())
            }
            Err(error) => {
                // Half a batch in front of the next one would hide that one from every reader.
                self.file.set_len(self.length)?;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_with_the_header_of_its_writer_alone() {
        let name = "019aa9b5-2a80-7c3e-9d6e-000000000001-42.jsonl";
        let made = Timestamp::from_millisecond(0x019a_a9b5_2a80).unwrap();
        let later = |seconds: i64| made + jiff::SignedDuration::from_secs(seconds);
        assert!(is_named(name, Some((made, 42))) && is_named(name, Some((later(3), 42))) && is_named(name, None));
        assert!(!is_named(name, Some((made, 43))) && !is_named(name, Some((later(60), 42))));
        for other in ["zzz-1.jsonl", ".jsonl", &name.replace("-42", "-042"), &name.replace("-7c", "-4c")] {
            assert!(!is_named(other, None), "{other}");
        }
    }

    #[test]
    fn a_segment_tells_when_its_writer_began_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let first = Segment::create(folder.path(), None).unwrap();
        let second = Segment::create(folder.path(), Some(&first)).unwrap();
        let previous = |segment: &Segment| crate::spool::previous(&folder.path().join(&segment.name));
        assert_eq!(previous(&second).as_ref(), Some(&first.name));
        assert_eq!((previous(&first), crate::spool::previous(Path::new("/nowhere"))), (None, None));
        let made = begun("019aa9b5-2a80-7c3e-9d6e-000000000001-42.jsonl");
        assert_eq!(made.map(Timestamp::as_millisecond), Some(0x019a_a9b5_2a80));
        assert_eq!((begun("record.duckdb"), begun("")), (None, None));
    }

    #[test]
    fn a_segment_ends_by_its_length_and_by_its_age() {
        let day = Duration::from_secs(86_400);
        assert!(!is_full((64 << 20) - 1, day - Duration::from_secs(1)));
        assert!(is_full(64 << 20, Duration::ZERO) && is_full(1, day));
    }
}
