//! Writes batches, within the bound the policy sets: when the spool is full a writer waits.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use rustix::fs::Access;

use super::batch::Batch;
use super::folder::Folder;
use super::inherited;
use super::segment::Segment;
use crate::checkpoint::{About, Notary};

/// After how many bytes of its own a writer looks again at what the others wrote.
const LOOK: u64 = 8 << 20;
/// How many lines may go without a checkpoint. How long they may, the policy says: a log of checkpoints that grew by
/// the second would be longer than a record at rest.
const MANY: u64 = 10_000;
/// How soon a run that has finished gets one: many tools end their runs at the same time.
const SOON: Duration = Duration::from_secs(1);

/// How long to wait before it is tried again to sign. Each try may wait for others who sign, and lines wait with it.
const RETRY: Duration = Duration::from_secs(30);

/// Is there room for a batch?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It was appended.
    Written,
    /// The spool holds as much as it may: bytes there are, bytes allowed.
    Full(u64, u64),
    /// The disk is full.
    NoSpace,
}

/// One writer: its segment, and what it may use. The segment is made with the first batch, so that a
/// stream that brings nothing leaves nothing.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: Folder,
    bound: u64,
    segment: Option<Segment>,
    seen: u64,
    since: u64,
    signing: Option<Signing>,
}

/// What the checkpoints of a writer need to know.
#[derive(Debug)]
struct Signing {
    folder: Folder,
    notary: Notary,
    /// Lines that no checkpoint speaks of.
    lines: u64,
    /// When a checkpoint of this segment was signed last: of a new one the first lines are signed at once.
    last: Option<Instant>,
    asked: bool,
    /// When it could not be signed last. None since it could.
    failed: Option<Instant>,
}

impl Writer {
    /// Makes the folder where it is not there. `bound` is the most bytes that all segments together may take.
    ///
    /// # Errors
    /// If the folder cannot be made or written to: before the first line is taken from anybody.
    pub(crate) fn begin(folder: Folder, bound: u64) -> io::Result<Self> {
        folder.make()?;
        rustix::fs::access(folder.path(), Access::WRITE_OK | Access::EXEC_OK)?;
        let seen = folder.size()?;
        Ok(Self { folder, bound, segment: None, seen, since: 0, signing: None })
    }

    /// The same, with checkpoints: of the first lines, while they go on, at the end of a segment and of the writer.
    pub(crate) fn signed(mut self, notary: Notary) -> Self {
        let folder = self.folder.clone();
        self.signing = Some(Signing { folder, notary, lines: 0, last: None, asked: false, failed: None });
        self
    }

    /// A run has finished: what it said gets a checkpoint soon.
    pub(crate) fn ask_for_checkpoint(&mut self) {
        self.signing.iter_mut().for_each(|signing| signing.asked = true);
    }

    /// The name of the segment that was written last, and the head of its chain.
    pub(crate) fn head(&self) -> Option<(&str, String)> {
        self.segment.as_ref().map(|segment| (segment.name.as_str(), segment.link.to_string()))
    }

    /// Appends a batch if there is room. It counts only after [`Writer::sync`].
    pub(crate) fn append(&mut self, batch: &Batch) -> io::Result<Room> {
        let size = batch.body.len() as u64;
        if self.since >= LOOK || self.seen + self.since + size > self.bound {
            self.seen = self.folder.size()?;
            self.since = 0;
        }
        if self.seen + self.since + size > self.bound {
            return Ok(Room::Full(self.seen + self.since, self.bound));
        }
        match self.put(batch) {
            Ok(()) => {
                self.since += size;
                self.signing.iter_mut().for_each(|signing| signing.lines += batch.lines);
                Ok(Room::Written)
            }
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Ok(Room::NoSpace)
            }
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, batch: &Batch) -> io::Result<()> {
        let segment = match self.segment.take() {
            Some(segment) if !segment.is_full() => segment,
            Some(full) => {
                full.sync()?;
                self.signing.iter_mut().for_each(|signing| signing.close(&full));
                let next = Segment::create(self.folder.path(), Some(&full));
                // Without a next one the full one stays, so that the chain is not cut when it is tried again.
                let next = next.inspect_err(|_| self.segment = Some(full))?;
                self.signing.iter_mut().for_each(|signing| signing.last = None);
                next
            }
            None => Segment::create(self.folder.path(), None)?,
        };
        self.segment.insert(segment).append(batch)
    }

    /// Waits until all that was appended is on the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let Some(segment) = &self.segment else { return Ok(()) };
        segment.sync()?;
        self.signing.iter_mut().filter(|signing| signing.is_due()).for_each(|signing| signing.sign(segment));
        Ok(())
    }
}

/// Whatever way a writer ends, its last lines get a checkpoint.
impl Drop for Writer {
    fn drop(&mut self) {
        let (Some(segment), Some(signing)) = (&self.segment, &mut self.signing) else { return };
        if segment.sync().is_ok() {
            signing.close(segment);
        }
    }
}

/// Does a segment want a checkpoint, with so many lines that none speaks of, so long after its last one?
fn is_due(lines: u64, waited: Option<Duration>, longest: Duration) -> bool {
    lines > 0 && (lines >= MANY || waited.is_none_or(|waited| waited >= longest))
}

impl Signing {
    fn is_due(&self) -> bool {
        let longest = if self.asked { SOON.min(self.notary.interval()) } else { self.notary.interval() };
        self.failed.is_none_or(|failed| failed.elapsed() >= RETRY)
            && is_due(self.lines, self.last.map(|last| last.elapsed()), longest)
    }

    fn sign(&mut self, segment: &Segment) {
        self.keep(vec![About::Written(segment.written())]);
    }

    /// The last words on a segment: how far it went, where no checkpoint said so yet, and its tree.
    fn close(&mut self, segment: &Segment) {
        let written = (self.lines > 0).then(|| About::Written(segment.written()));
        self.keep(written.into_iter().chain([About::Closed(segment.closed())]).collect());
    }

    /// A line is worth more than its signature: where none can be had, that is said once, and lines go on.
    fn keep(&mut self, abouts: Vec<About>) {
        let signed = inherited::sign(&self.folder, &self.notary, abouts);
        let now = Instant::now();
        match signed {
            Ok(()) => (self.lines, self.asked, self.last, self.failed) = (0, false, Some(now), None),
            Err(error) => {
                if self.failed.replace(now).is_none() {
                    eprintln!("auditdb: {}; lines are kept, and only chained", record::escape(&format!("{error:#}")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::checkpoint::Book;

    /// The segments that the log names, checkpoint by checkpoint.
    fn named(log: &Path) -> Vec<String> {
        let entries = Book::read(log).unwrap().entries;
        entries.iter().filter_map(|entry| entry.checkpoint.about.segment().map(str::to_owned)).collect()
    }

    #[test]
    fn the_first_lines_of_each_segment_are_signed_before_they_are_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let notary = Notary::new(folder.path().join("key"), Vec::new(), Duration::from_secs(900));
        let mut writer = Writer::begin(Folder::below(folder.path()), u64::MAX).unwrap().signed(notary.clone());
        let mut segments = Vec::new();
        for _ in 0..2 {
            let mut batch = Batch::new(None);
            batch.push(b"{}");
            writer.append(&batch).unwrap();
            writer.sync().unwrap();
            segments.push(writer.segment.as_ref().unwrap().name.clone());
            assert_eq!(named(&notary.log()).last(), segments.last());
            writer.segment.as_mut().unwrap().grow_old();
        }
        assert_ne!(segments[0], segments[1]);
    }

    #[test]
    fn what_could_not_be_signed_is_tried_again_and_not_at_each_line() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "a file where a folder is to be").unwrap();
        let notary = Notary::new(key.clone(), Vec::new(), Duration::from_secs(900));
        let mut writer = Writer::begin(Folder::below(folder.path()), u64::MAX).unwrap().signed(notary.clone());
        let mut batch = Batch::new(None);
        batch.push(b"{}");
        writer.append(&batch).unwrap();
        writer.sync().unwrap();
        std::fs::remove_file(&key).unwrap();
        writer.sync().unwrap();
        assert!(!notary.log().exists(), "it was tried again at once");
        let signing = writer.signing.as_mut().unwrap();
        signing.failed = signing.failed.map(|failed| failed.checked_sub(RETRY).unwrap());
        writer.sync().unwrap();
        assert_eq!(named(&notary.log()).len(), 1);
    }

    #[test]
    fn a_checkpoint_is_due_with_the_first_lines_then_by_their_number_and_by_the_time() {
        let seconds = Duration::from_secs;
        for (lines, waited, due) in [
            (0, None, false),
            (1, None, true),
            (1, Some(seconds(899)), false),
            (1, Some(seconds(900)), true),
            (0, Some(seconds(9000)), false),
            (MANY - 1, Some(seconds(0)), false),
            (MANY, Some(seconds(0)), true),
        ] {
            assert_eq!(is_due(lines, waited, seconds(900)), due, "{lines} lines after {waited:?}");
        }
    }
}
