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
/// How long, and how many lines, may go without a checkpoint while lines come in. A log of them that grew by the second
/// would be longer than a record at rest.
const CHECKPOINT: (Duration, u64) = (Duration::from_secs(900), 10_000);
/// How soon a run that has finished gets one: many tools end their runs at the same time.
const SOON: Duration = Duration::from_secs(1);

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
    failed: bool,
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
        self.signing = Some(Signing { folder, notary, lines: 0, last: None, asked: false, failed: false });
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

impl Signing {
    fn is_due(&self) -> bool {
        let (long, many) = CHECKPOINT;
        let waited = self.last.map(|last| last.elapsed());
        self.lines > 0
            && (self.lines >= many || waited.is_none_or(|waited| waited >= if self.asked { SOON } else { long }))
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
        self.last = Some(Instant::now());
        match inherited::sign(&self.folder, &self.notary, abouts) {
            Ok(()) => (self.lines, self.asked) = (0, false),
            Err(error) if !self.failed => {
                eprintln!("auditdb: {}; lines are kept, and only chained", record::escape(&format!("{error:#}")));
                self.failed = true;
            }
            Err(_) => {}
        }
    }
}
