//! A round of lines: judged, appended, on the disk, passed on. In this order.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use record::cellblock::{Counts, Spool};
use record::{Action, Category, Kind, MAX_LINE, Provider, Record, Severity, Type};
use tool::Stop;

use super::account::Account;
use super::bookmark::Mark;
use super::buffers::Buffers;
use super::input::Piece;
use super::tee::Tee;
use crate::line::{self, Scanner};
use crate::plural::many;
use crate::source::Source;
use crate::spool::{Batch, Room, Writer};

/// How many bytes of lines a batch holds before another is begun: small beside the smallest spool, 1 MiB,
/// so that a full one is filled to its brim.
const BATCH: usize = 256 << 10;
/// How often a full spool is looked at again.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// What became of all the lines.
#[derive(Debug)]
pub(crate) struct Done {
    /// Source by source, in their order.
    pub(crate) tallies: Vec<Tally>,
    /// The last segment's name and the head of its chain.
    pub(crate) head: Option<(String, String)>,
    /// Why the input broke off, if it did.
    pub(crate) unread: Option<anyhow::Error>,
    /// Could everything be passed on?
    pub(crate) told: Result<()>,
}

/// What became of one source's lines.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) source: Option<Source>,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// How often lines were lost that never came in.
    losses: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn counts(&self) -> Counts {
        let (passed, failed) = (self.accepted, self.rejected + self.losses);
        Counts { checked: passed + failed, passed, failed, unknown: 0 }
    }
}

/// A batch, and whether it holds what we have to say ourselves about lines of the input.
struct Sorted {
    batch: Batch,
    ours: bool,
    /// How far the source was read behind it, and what was not told of then.
    reached: Option<Mark>,
}

/// Judges and commits rounds of lines.
#[derive(Debug)]
pub(super) struct Committer {
    spool: Writer,
    source: Option<Source>,
    tally: Tally,
    /// Those of the sources that were read before.
    tallies: Vec<Tally>,
    tee: Tee,
    stop: Stop,
    scanner: Scanner,
    unread: Option<anyhow::Error>,
    account: Option<Account>,
    buffers: Buffers,
}

impl Committer {
    pub(super) fn new(
        spool: Writer,
        source: Option<Source>,
        tee: Tee,
        stop: Stop,
        account: Option<Account>,
        buffers: Buffers,
    ) -> Self {
        let scanner = Scanner::default();
        let (tally, tallies) = (Tally::default(), Vec::new());
        Self { spool, source, tally, tallies, tee, stop, scanner, unread: None, account, buffers }
    }

    /// Puts a round on the disk, then passes it on.
    ///
    /// # Errors
    /// If the spool cannot be written, or is full when we are told to end. Whoever reads our output is
    /// not asked: see [`Tee`].
    pub(super) fn commit(&mut self, round: Vec<Piece>) -> Result<()> {
        let mut sorted = self.sort(round)?;
        self.close(&mut sorted);
        self.tell_lost(&mut sorted, false)?;
        self.put(&sorted)?;
        sorted.into_iter().for_each(|part| self.buffers.give(part.batch.body));
        Ok(())
    }

    fn put(&mut self, sorted: &[Sorted]) -> Result<()> {
        let mut reached = None;
        for part in sorted {
            if let Err(why) = self.append(&part.batch) {
                return self.break_off(reached).and(Err(why));
            }
            reached = part.reached.as_ref().or(reached);
        }
        self.spool.sync().context("the spool could not be brought to the disk")?;
        self.account.iter_mut().try_for_each(Account::save)?;
        sorted.iter().for_each(|part| self.tee.pass(&part.batch, part.ours));
        Ok(())
    }

    /// The round is not all in the spool. What is in it is not read again, nor taken for lost.
    fn break_off(&mut self, reached: Option<&Mark>) -> Result<()> {
        let (Some(account), Some(mark)) = (&mut self.account, reached) else { return Ok(()) };
        self.spool.sync().context("the spool could not be brought to the disk")?;
        account.save_at(mark.clone())
    }

    /// What the last round had to leave open.
    ///
    /// # Errors
    /// As [`Committer::commit`].
    pub(super) fn end(&mut self) -> Result<()> {
        let mut sorted = Vec::new();
        self.tell_lost(&mut sorted, true)?;
        if sorted.is_empty() { Ok(()) } else { self.put(&sorted) }
    }

    /// Nothing more comes into the last batch.
    fn close(&self, sorted: &mut [Sorted]) {
        if let Some(last) = sorted.last_mut() {
            last.reached = self.account.as_ref().and_then(Account::reached);
        }
    }

    /// The last batch is closed before a line that does not go into it.
    fn close_unless(&self, sorted: &mut [Sorted], source: Option<&Source>, ours: bool, line: &[u8]) {
        if sorted.last().is_some_and(|last| !last.takes(source, ours, line)) {
            self.close(sorted);
        }
    }

    fn tell_lost(&mut self, sorted: &mut Vec<Sorted>, ended: bool) -> Result<()> {
        let Some(record) = self.account.as_mut().and_then(|account| account.take_loss(ended)) else { return Ok(()) };
        eprintln!("auditdb: {}", record.message);
        self.tally.losses += 1;
        let line = record.to_json()?.into_bytes();
        self.tally.bytes += line.len() as u64;
        self.push(sorted, Some(&Source::own()), true, &line);
        Ok(())
    }

    pub(super) fn done(mut self) -> Done {
        self.turn_to(None);
        let head = self.spool.head().map(|(name, head)| (name.to_owned(), head));
        Done { tallies: self.tallies, head, unread: self.unread, told: self.tee.end() }
    }

    /// What comes now is another source's.
    fn turn_to(&mut self, next: Option<Source>) {
        let source = std::mem::replace(&mut self.source, next);
        self.tallies.push(Tally { source, ..std::mem::take(&mut self.tally) });
    }

    /// Batches in the order of the lines: a refused line stands where the line stood, as a record of ours.
    fn sort(&mut self, round: Vec<Piece>) -> Result<Vec<Sorted>> {
        let mut sorted = Vec::new();
        for piece in round {
            self.account.iter_mut().for_each(|account| account.piece(&piece));
            match piece {
                Piece::Lines(lines) => {
                    for raw in line::split(&lines) {
                        self.line(&mut sorted, raw)?;
                    }
                    self.buffers.give(lines);
                }
                Piece::TooLong { start, bytes, sha256 } => {
                    let record = line::too_long(&start, bytes, &sha256, self.source.as_ref());
                    self.refuse(&mut sorted, &record)?;
                }
                Piece::Whose(source) => self.turn_to(source),
                Piece::Of(_) | Piece::Gone(..) | Piece::Until(_) => {}
                Piece::Failed(error) => self.unread = self.unread.take().or(Some(error)),
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
            Ok(accepted) => {
                if accepted.columns.action.as_deref() == Some(Action::RunFinished.name()) {
                    self.spool.ask_for_checkpoint();
                }
                self.close_unless(sorted, source, false, raw);
                self.account.iter_mut().for_each(|account| account.line(&accepted));
                self.tally.accepted += 1;
                self.tally.bytes += raw.len() as u64;
                self.push(sorted, self.source.as_ref(), false, raw);
                Ok(())
            }
            Err((claim, fault)) => {
                let record = line::rejected(raw, source, claim, &fault);
                self.refuse(sorted, &record)
            }
        }
    }

    fn refuse(&mut self, sorted: &mut Vec<Sorted>, record: &Record) -> Result<()> {
        self.tally.rejected += 1;
        let line = record.to_json()?.into_bytes();
        self.tally.bytes += line.len() as u64;
        let own = Source::own();
        self.close_unless(sorted, Some(&own), true, &line);
        self.push(sorted, Some(&own), true, &line);
        Ok(())
    }

    fn push(&self, sorted: &mut Vec<Sorted>, source: Option<&Source>, ours: bool, line: &[u8]) {
        match sorted.last_mut() {
            Some(last) if last.takes(source, ours, line) => last.batch.push(line),
            last => {
                let mut batch = Batch::new(source.cloned());
                batch.body = self.buffers.take();
                // Where one batch was filled, the next one fills as well.
                batch.body.reserve(last.map_or(0, |last| last.batch.body.len()));
                batch.push(line);
                sorted.push(Sorted { batch, ours, reached: None });
            }
        }
    }

    fn append(&mut self, batch: &Batch) -> Result<()> {
        let full = match self.room(batch)? {
            Room::Written => return Ok(()),
            full => full,
        };
        let began = Instant::now();
        let filled = filled(full);
        let (why, room) = (filled.event.reason.as_deref().unwrap_or_default(), mend(full));
        eprintln!("auditdb: {} ({why}) {room}", filled.message);
        self.tee.write_own(&filled);
        while self.room(batch)? != Room::Written {
            if self.stop.asked() {
                let lost = many(batch.lines, "line that had come in is", "lines that had come in are");
                bail!("ended while the spool was full: {lost} not in the record");
            }
            thread::sleep(RETRY_INTERVAL);
        }
        let freed = Record::new(Provider::Auditdb, Action::SpoolFreed, "There is room in the spool again.")
            .about(Category::Database, Type::Info)
            .reason(format!("lines waited for {} s", began.elapsed().as_secs()));
        self.tee.write_own(&freed);
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

impl Sorted {
    /// Does the line go into this batch?
    fn takes(&self, source: Option<&Source>, ours: bool, line: &[u8]) -> bool {
        let same = self.ours == ours && self.batch.source.as_ref() == source;
        same && self.batch.body.len() + line.len() < BATCH
    }
}

/// How to make room.
fn mend(full: Room) -> &'static str {
    match full {
        Room::NoSpace => "Make room on that disk: `auditdb prune` does, and so does whatever else goes from it.",
        _ => "Make room with `auditdb prune`, or raise audit.spool.",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::bookmark::{Bookmark, Position};
    use crate::spool::Folder;
    use jiff::Timestamp;
    use serde_json::Value;
    use std::collections::BTreeSet;
    use std::path::Path;
    use tool::OutputArgs;

    fn at(number: u64) -> Timestamp {
        Timestamp::from_second(1_795_323_600 + i64::try_from(number).unwrap()).unwrap()
    }

    /// What the engine tells of these lines of one run, a kilobyte each.
    fn told(numbers: impl Iterator<Item = u64>) -> Vec<Piece> {
        let line = |number| {
            format!(
                "{{\"event\":{{\"id\":\"{number}\"}},\"pad\":\"{:0900}\",\"cellblock\":{{\"line\":\"0a1b2c3d4e5f-{number}\"}}}}\n",
                0
            )
        };
        numbers
            .flat_map(|number| {
                let position = Position { time: at(number), lines: 1 };
                [Piece::Lines(line(number).into_bytes()), Piece::Until(position)]
            })
            .collect()
    }

    /// Reads pieces into a spool of so many bytes, as somebody who was told to end; says whether they all went in.
    fn read(directory: &Path, bound: u64, pieces: impl FnOnce(&Mark) -> Vec<Piece>) -> bool {
        let source: Source = "vault".parse().unwrap();
        let bookmark = Bookmark::of("vault", directory).unwrap();
        let mark = bookmark.load();
        let round = pieces(&mark);
        let account = Account::of_container(source.clone(), "vault".to_owned(), bookmark, mark);
        let spool = Writer::begin(Folder::below(directory), bound).unwrap();
        let tee = Tee::new(false, OutputArgs { format: tool::Format::Jsonl });
        let mut committer =
            Committer::new(spool, Some(source), tee, Stop::received(), Some(account), Buffers::default());
        committer.commit(round).and_then(|()| committer.end()).is_ok()
    }

    /// The numbers that are in the spool, and how many lines are told to be lost.
    fn kept(directory: &Path) -> (BTreeSet<String>, u64) {
        let (mut came, mut lost) = (BTreeSet::new(), 0);
        for file in std::fs::read_dir(Folder::below(directory).path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
                lost += line.pointer("/cellblock/lost/lines").and_then(Value::as_u64).unwrap_or(0);
                came.extend(line.pointer("/cellblock/line").and_then(Value::as_str).map(str::to_owned));
            }
        }
        (came, lost)
    }

    #[test]
    fn what_came_and_what_is_told_as_lost_are_all_also_where_a_full_spool_ends_a_round_with_a_leap_in_it() {
        for leap in [1..1, 2..9, 200..250, 900..960, 1000..1900] {
            let folder = tempfile::tempdir().unwrap();
            let first = told((1..=2000).filter(|number| !leap.contains(number)));
            assert!(!read(folder.path(), 1 << 20, |_| first), "the spool is full");
            // The engine let go of all but the last lines meanwhile.
            let rest = |mark: &Mark| {
                let gone = mark.at.map(|last| Piece::Gone(last.time, at(2950)));
                gone.into_iter().chain(told(2950..=3000)).collect()
            };
            assert!(read(folder.path(), 1 << 30, rest));
            let (came, lost) = kept(folder.path());
            assert!(came.len() > 500, "{}", came.len());
            assert_eq!(came.len() as u64 + lost, 3000, "a leap of {leap:?}");
        }
    }
}
