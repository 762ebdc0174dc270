//! Reads a segment, from its start or from where the last reader left off, and follows its chain.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::batch::{Batch, announced, covered};
use super::segment::FORMAT;
use crate::chain::Link;

/// The longest head of a segment or batch, in bytes. Longer ones are none.
const HEAD: u64 = 4096;

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Read {
    /// A whole batch; its lines begin at this byte of the file.
    Batch(Batch, u64),
    /// Nothing more for now.
    End,
    /// A batch that is not whole: its writer is at it, or died. These bytes were never acknowledged.
    Torn(u64),
    /// What stands here was not written by us, or was changed: why.
    Damaged(String),
}

#[derive(Debug, Deserialize)]
struct First {
    segment: About,
}

#[derive(Debug, Deserialize)]
struct About {
    format: u32,
    #[serde(default)]
    created: Option<Timestamp>,
    #[serde(default)]
    pid: Option<u32>,
    #[serde(default)]
    previous: Option<Previous>,
}

#[derive(Debug, Deserialize)]
struct Previous {
    name: String,
}

/// The segment that the same writer wrote before this one, as its first line says. Nothing where it wrote none, or that
/// cannot be read.
pub(crate) fn previous(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    BufReader::new(File::open(path).ok()?).take(HEAD).read_until(b'\n', &mut head).ok()?;
    Some(serde_json::from_slice::<First>(&head).ok()?.segment.previous?.name)
}

/// A segment that is being read.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    at: u64,
    link: Option<Link>,
    head: Vec<u8>,
    writer: Option<(Timestamp, u32)>,
    checked: bool,
}

impl Reader {
    /// Opens a segment; `from` is where to go on, with the link that was reached there.
    pub(crate) fn open(path: &Path, from: Option<(u64, Link)>) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
        let (at, link) = from.map_or((0, None), |(at, link)| (at, Some(link)));
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { file, at, link, head: Vec::new(), writer: None, checked: true })
    }

    /// Believes the hashes that the batches carry: for who computes the chain as well, or did.
    pub(crate) fn believing(self) -> Self {
        Self { checked: false, ..self }
    }

    /// Where the next batch begins, and the link before it; `None` until the first line was read.
    pub(crate) fn reached(&self) -> Option<(u64, Link)> {
        self.link.map(|link| (self.at, link))
    }

    /// When and by which process the segment was begun, as its first line says, once that was read.
    pub(crate) fn writer(&self) -> Option<(Timestamp, u32)> {
        self.writer
    }

    /// Reads what comes next. After anything but a batch, nothing more does.
    pub(crate) fn next(&mut self) -> io::Result<Read> {
        let Some(link) = self.link else { return self.first() };
        if let Some(stop) = self.line()? {
            return Ok(stop);
        }
        let said = match announced(&self.head) {
            Ok(said) => said,
            Err(reason) => return Ok(Read::Damaged(reason)),
        };
        let mut body = Vec::with_capacity(usize::try_from(said.bytes).unwrap_or_default());
        self.file.by_ref().take(said.bytes).read_to_end(&mut body)?;
        let torn = (self.head.len() + body.len()) as u64;
        if (body.len() as u64) < said.bytes {
            return Ok(Read::Torn(torn));
        }
        if self.checked && link.next(covered(&self.head), &body) != said.link {
            return Ok(Read::Damaged(format!("the batch at byte {} does not fit its hash", self.at)));
        }
        let start = self.at + self.head.len() as u64;
        self.at = start + said.bytes;
        self.link = Some(said.link);
        Ok(Read::Batch(Batch { received: said.received, source: said.source, lines: said.lines, body }, start))
    }

    fn first(&mut self) -> io::Result<Read> {
        if let Some(stop) = self.line()? {
            return Ok(stop);
        }
        match serde_json::from_slice::<First>(&self.head) {
            Ok(first) if first.segment.format == FORMAT => {
                self.writer = first.segment.created.zip(first.segment.pid);
                self.at = self.head.len() as u64;
                self.link = Some(Link::first(&self.head));
                self.next()
            }
            Ok(first) => Ok(Read::Damaged(format!("format {} is not one this auditdb knows", first.segment.format))),
            Err(error) => Ok(Read::Damaged(format!("the first line is no head of a segment: {error}"))),
        }
    }

    /// Reads a head into `self.head`, or says why there is none.
    fn line(&mut self) -> io::Result<Option<Read>> {
        self.head.clear();
        self.file.by_ref().take(HEAD).read_until(b'\n', &mut self.head)?;
        let length = self.head.len() as u64;
        Ok(match self.head.last() {
            None => Some(Read::End),
            Some(b'\n') => None,
            Some(_) if length < HEAD => Some(Read::Torn(length)),
            Some(_) => Some(Read::Damaged(format!("no head of a batch stands at byte {}", self.at))),
        })
    }
}
