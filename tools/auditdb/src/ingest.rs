//! Takes lines in: judged, appended to the spool, on the disk, and only then passed on.

mod account;
mod bookmark;
mod commit;
mod container;
mod input;
mod log;
mod lost;
mod runs;
mod spare;
mod tee;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use record::cellblock::Spool;
use record::{Action, Category, Outcome, Provider, Record, Type};
use tool::{Exit, OutputArgs, OutputClosed, Purpose, Stop, Writer};

use crate::cli;
use crate::plural::many;
use crate::source::Named;
use crate::store::Store;
use account::Account;
use bookmark::Bookmark;
use commit::{Committer, Tally};
use input::Piece;
use spare::Spare;

/// How long lines are collected before they are written: what a follower's reader waits at most.
const LINGER: Duration = Duration::from_millis(100);
/// How long a signal may go unnoticed while nothing comes: whoever wakes more often costs more.
const UNNOTICED: Duration = Duration::from_millis(500);
/// How many bytes are collected at most.
const ENOUGH: usize = 4 << 20;
/// How long after a signal the writers in front of us may still say their last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// `auditdb ingest`
pub(crate) fn ingest(args: &cli::Ingest, store: &Store, output: OutputArgs) -> Result<Exit> {
    let stop = Stop::listen()?;
    let folder = store.spool();
    let spool = crate::spool::Writer::begin(folder.clone(), store.bound).with_context(|| {
        format!("{}: cannot be written; name another folder with --directory", folder.path().display())
    })?;
    let spare = Spare::default();
    let (pieces, account) = open(args, store, &stop, &spare)?;
    let tee = tee::Tee::new(args.tee, output);
    let spool = spool.signed(store.notary());
    let first = args.each.first().map_or(args.provider.as_ref(), |named| named.source.as_ref());
    let mut committer = Committer::new(spool, first.cloned(), tee, stop.clone(), account, spare);
    while let Some(round) = collect(&pieces, &stop) {
        committer.commit(round)?;
    }
    committer.end()?;
    finish(committer, output)
}

/// What is read, and what is kept of it where it is all that its source wrote.
fn open(args: &cli::Ingest, store: &Store, stop: &Stop, spare: &Spare) -> Result<(Receiver<Piece>, Option<Account>)> {
    let source = args.provider.clone();
    let (Some(container), Some(source)) = (&args.from_docker, &source) else {
        let one = || vec![Named { source: source.clone(), file: args.file.clone() }];
        let files = if args.each.is_empty() { one() } else { args.each.clone() };
        return Ok((input::open(files, spare.clone())?, source.filter(|_| args.whole).map(Account::of_stream)));
    };
    let bookmark = Bookmark::of(container, store.directory())?;
    let mark = bookmark.load();
    let pieces = container::follow(container, &mark, stop.clone());
    Ok((pieces, Some(Account::of_container(source.clone(), container.clone(), bookmark, mark))))
}

/// The pieces of one round; `None` at the end of the input, or some time after a signal.
fn collect(pieces: &Receiver<Piece>, stop: &Stop) -> Option<Vec<Piece>> {
    let mut round = vec![first(pieces, stop)?];
    let mut held = round.iter().map(Piece::length).sum::<usize>();
    let deadline = Instant::now() + LINGER;
    while held < ENOUGH {
        let Ok(piece) = pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) else { break };
        held += piece.length();
        round.push(piece);
    }
    Some(round)
}

fn first(pieces: &Receiver<Piece>, stop: &Stop) -> Option<Piece> {
    let mut until: Option<Instant> = None;
    loop {
        match pieces.recv_timeout(if stop.asked() { LINGER } else { UNNOTICED }) {
            Ok(piece) => return Some(piece),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if stop.asked() => {
                if Instant::now() >= *until.get_or_insert_with(|| Instant::now() + LAST_WORDS) {
                    return None;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn finish(committer: Committer, output: OutputArgs) -> Result<Exit> {
    let done = committer.done();
    if let Some(error) = done.unread {
        return Err(error);
    }
    let counts = done.tallies.iter().map(Tally::counts);
    let (accepted, wrong) = counts.fold((0, 0), |(good, bad), of| (good + of.passed, bad + of.failed));
    // Whoever stopped reading what we pass on is no reason to lose a line, and none to complain twice.
    done.told.map_err(|error| if error.is::<OutputClosed>() { left_with(wrong) } else { error })?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    (0..accepted).for_each(|_| out.count(Outcome::Success));
    (0..wrong).for_each(|_| out.count(Outcome::Failure));
    for tally in &done.tallies {
        out.write(&taken(tally, done.head.clone(), done.tallies.len() > 1))?;
    }
    out.finish()
}

/// What came in of one source, which is named where there are `several`.
fn taken(tally: &Tally, head: Option<(String, String)>, several: bool) -> Record {
    let lines = many(tally.accepted, "line is", "lines are");
    let refused = many(tally.rejected, "was no record", "were no records");
    let of = tally.source.as_ref().filter(|_| several).map(|source| format!("{source}: ")).unwrap_or_default();
    let mut record =
        Record::new(Provider::Auditdb, Action::LinesIngested, format!("{of}{lines} in the record, {refused}."))
            .about(Category::Database, Type::Creation);
    let (segment, head) = head.unzip();
    let (lines, bytes) = (Some(tally.accepted + tally.rejected), Some(tally.bytes));
    record.own().spool = Some(Spool { segment, head, lines, bytes, ..Spool::default() });
    record.own().counts = Some(tally.counts());
    record
}

/// How a run ends whose reader left: lines that were no records, or are lost, are findings all the same.
fn left_with(findings: u64) -> anyhow::Error {
    OutputClosed(if findings > 0 { Exit::Findings } else { Exit::Success }).into()
}
