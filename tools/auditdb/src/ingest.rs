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

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use record::cellblock::Spool;
use record::{Action, Category, Outcome, Provider, Record, Type};
use tool::{Exit, OutputArgs, OutputClosed, Purpose, Stop, Writer};

use crate::cli;
use crate::plural::many;
use crate::store::Store;
use account::Account;
use bookmark::Bookmark;
use commit::Committer;
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
    let mut committer = Committer::new(spool, args.provider.clone(), tee, stop.clone(), account, spare);
    while let Some(round) = collect(&pieces, &stop) {
        committer.commit(round)?;
    }
    committer.end()?;
    finish(committer, &args.file, output)
}

/// What is read, and what is kept of it where it is all that its source wrote.
fn open(args: &cli::Ingest, store: &Store, stop: &Stop, spare: &Spare) -> Result<(Receiver<Piece>, Option<Account>)> {
    let source = args.provider.clone();
    let (Some(container), Some(source)) = (&args.from_docker, &source) else {
        return Ok((input::open(&args.file, spare.clone())?, source.filter(|_| args.whole).map(Account::of_stream)));
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

fn finish(committer: Committer, file: &Path, output: OutputArgs) -> Result<Exit> {
    let done = committer.done();
    if let Some(error) = done.unread {
        return Err(error).with_context(|| format!("{}: cannot be read any further", file.display()));
    }
    // Whoever stopped reading what we pass on is no reason to lose a line, and none to complain twice.
    done.told
        .map_err(|error| if error.is::<OutputClosed>() { left_with(done.rejected + done.losses) } else { error })?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    (0..done.accepted).for_each(|_| out.count(Outcome::Success));
    (0..done.rejected + done.losses).for_each(|_| out.count(Outcome::Failure));
    let message = format!(
        "{} in the record, {}.",
        many(done.accepted, "line is", "lines are"),
        many(done.rejected, "was no record", "were no records")
    );
    let mut record =
        Record::new(Provider::Auditdb, Action::LinesIngested, message).about(Category::Database, Type::Creation);
    let (segment, head) = done.head.unzip();
    record.own().spool = Some(Spool {
        segment,
        head,
        lines: Some(done.accepted + done.rejected),
        bytes: Some(done.bytes),
        ..Spool::default()
    });
    out.write(&record)?;
    out.finish()
}

/// How a run ends whose reader left: lines that were no records, or are lost, are findings all the same.
fn left_with(findings: u64) -> anyhow::Error {
    OutputClosed(if findings > 0 { Exit::Findings } else { Exit::Success }).into()
}
