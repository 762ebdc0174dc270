//! A round of lines: judged, appended, on the disk, passed on. In this order.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use record::cellblock::Spool;
use record::{Action, Category, Kind, MAX_LINE, Provider, Record, Severity, Type};

use super::input::Piece;
use super::tee::Tee;
use crate::line::{self, Scanner};
use crate::signals::Stop;
use crate::source::Source;
use crate::spool::{Batch, Room, Writer};

/// How many bytes of lines a batch holds before another is begun: small beside the smallest spool, 1 MiB,
/// so that a full one is filled to its brim.
const BATCH: usize = 256 << 10;
/// How often a full spool is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// What became of all the lines.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) bytes: u64,
    /// The last segment's name and the head of its chain.
    pub(super) head: Option<(String, String)>,
    /// Why the input broke off, if it did.
    pub(super) unread: Option<io::Error>,
    /// Could everything be passed on?
    pub(super) told: Result<()>,
}

/// A batch, and whether it holds what we have to say ourselves about lines of the input.
struct Sorted {
    batch: Batch,
    ours: bool,
}

/// Judges and commits rounds of lines.
#[derive(Debug)]
pub(super) struct Committer {
    spool: Writer,
    source: Option<Source>,
    tee: Tee,
    stop: Stop,
    scanner: Scanner,
    accepted: u64,
    rejected: u64,
    bytes: u64,
    unread: Option<io::Error>,
}

impl Committer {
    pub(super) fn new(spool: Writer, source: Option<Source>, tee: Tee, stop: Stop) -> Self {
        let scanner = Scanner::default();
        Self { spool, source, tee, stop, scanner, accepted: 0, rejected: 0, bytes: 0, unread: None }
    }

    /// Puts a round on the disk, then passes it on.
    ///
    /// # Errors
    /// If the spool cannot be written, or is full when we are told to end. Whoever reads our output is
    /// not asked: see [`Tee`].
    pub(super) fn commit(&mut self, round: Vec<Piece>) -> Result<()> {
        let sorted = self.sort(round)?;
        for part in &sorted {
            self.append(&part.batch)?;
        }
        self.spool.sync().context("the spool could not be brought to the disk")?;
        sorted.iter().for_each(|part| self.tee.pass(&part.batch, part.ours));
        Ok(())
    }

    pub(super) fn done(self) -> Done {
        let head = self.spool.head().map(|(name, head)| (name.to_owned(), head));
        let Self { accepted, rejected, bytes, unread, .. } = self;
        Done { accepted, rejected, bytes, head, unread, told: self.tee.end() }
    }

    /// Batches in the order of the lines: a refused line stands where the line stood, as a record of ours.
    fn sort(&mut self, round: Vec<Piece>) -> Result<Vec<Sorted>> {
        let mut sorted = Vec::new();
        for piece in round {
            match piece {
                Piece::Lines(lines) => {
                    for raw in lines.split_inclusive(|b| *b == b'\n') {
                        self.line(&mut sorted, raw.strip_suffix(b"\n").unwrap_or(raw))?;
                    }
                }
                Piece::TooLong { start, bytes, sha256 } => {
                    let record = line::too_long(&start, bytes, &sha256, self.source.as_ref());
                    self.refuse(&mut sorted, &record)?;
                }
                Piece::Failed(error) => self.unread = Some(error),
            }
        }
        Ok(sorted)
    }

    fn line(&mut self, sorted: &mut Vec<Sorted>, raw: &[u8]) -> Result<()> {
        if raw.trim_ascii().is_empty() {
            return Ok(());
        }
        let source = self.source.as_ref();
        if raw.len() > MAX_LINE {
            let record = line::rejected_as_too_long(raw, source);
            return self.refuse(sorted, &record);
        }
        match line::judge(&mut self.scanner, &line::text(raw), source) {
            Ok(_) => {
                self.accepted += 1;
                self.bytes += raw.len() as u64;
                push(sorted, self.source.as_ref(), false, raw);
                Ok(())
            }
            Err((claim, fault)) => {
                let record = line::rejected(raw, source, claim, &fault);
                self.refuse(sorted, &record)
            }
        }
    }

    fn refuse(&mut self, sorted: &mut Vec<Sorted>, record: &Record) -> Result<()> {
        self.rejected += 1;
        let line = record.to_json()?.into_bytes();
        self.bytes += line.len() as u64;
        push(sorted, Some(&Source::own()), true, &line);
        Ok(())
    }

    fn append(&mut self, batch: &Batch) -> Result<()> {
        let full = match self.room(batch)? {
            Room::Written => return Ok(()),
            full => full,
        };
        let began = Instant::now();
        let filled = filled(full);
        eprintln!("auditdb: {} Make room with `auditdb prune`, or raise audit.spool.", filled.message);
        self.tee.tell(&filled);
        while self.room(batch)? != Room::Written {
            if self.stop.asked() {
                bail!("ended while the spool was full: {} lines that had come in are not in the record", batch.lines);
            }
            thread::sleep(AGAIN);
        }
        let freed = Record::new(Provider::Auditdb, Action::SpoolFreed, "There is room in the spool again.")
            .about(Category::Database, Type::Info)
            .reason(format!("lines waited for {} s", began.elapsed().as_secs()));
        self.tee.tell(&freed);
        let mut ours = Batch::new(Some(Source::own()));
        for record in [&filled, &freed] {
            ours.push(record.to_json()?.as_bytes());
        }
        self.room(&ours)?;
        Ok(())
    }

    fn room(&mut self, batch: &Batch) -> Result<Room> {
        self.spool.append(batch).context("the spool could not be written")
    }
}

fn push(sorted: &mut Vec<Sorted>, source: Option<&Source>, ours: bool, line: &[u8]) {
    match sorted.last_mut() {
        Some(last) if last.ours == ours && last.batch.body.len() + line.len() < BATCH => last.batch.push(line),
        _ => {
            let mut batch = Batch::new(source.cloned());
            batch.push(line);
            sorted.push(Sorted { batch, ours });
        }
    }
}

fn filled(full: Room) -> Record {
    let reason = match full {
        Room::Full(holds, bound) => format!("it holds {holds} bytes and may hold {bound}"),
        _ => "the disk is full".to_owned(),
    };
    let mut record =
        Record::new(Provider::Auditdb, Action::SpoolFilled, "The spool is full; lines wait, none is dropped.")
            .kind(Kind::PipelineError)
            .about(Category::Database, Type::Error)
            .severity(Severity::High)
            .reason(reason);
    if let Room::Full(holds, _) = full {
        record.own().spool = Some(Spool { bytes: Some(holds), ..Spool::default() });
    }
    record
}
