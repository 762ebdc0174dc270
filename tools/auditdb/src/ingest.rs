//! Takes lines in: judged, appended to the spool, on the disk, and only then passed on.

mod account;
mod bookmark;
mod buffers;
mod commit;
mod container;
mod input;
mod log;
mod lost;
mod runs;
mod tee;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tool::{OutputArgs, Stop};

use crate::source::{Named, Source};
use crate::spool::Writer;
use crate::store::Store;
use account::Account;
use bookmark::Bookmark;
use buffers::Buffers;
use commit::Committer;
pub(crate) use commit::{Done, Tally};
use input::Piece;
use tee::Tee;

/// How long lines are collected before they are written: what a follower's reader waits at most.
const LINGER: Duration = Duration::from_millis(100);
/// How long a signal may go unnoticed while nothing comes: whoever wakes more often costs more.
const UNNOTICED: Duration = Duration::from_millis(500);
/// How many bytes are collected at most.
const ENOUGH: usize = 4 << 20;
/// How long after a signal the writers in front of us may still say their last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where lines come from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Files, one behind the other.
    Files {
        /// Each with its source.
        files: Vec<Named>,
        /// Are they all that the source of the first one wrote?
        whole: bool,
    },
    /// The log of a container, from where it was left.
    Container {
        /// As Docker names it.
        name: String,
        /// Whose lines it holds.
        source: Source,
    },
}

impl Origin {
    /// Whose the first line is; `None` where only the lines say.
    fn source(&self) -> Option<&Source> {
        match self {
            Self::Files { files, .. } => files.first().and_then(|named| named.source.as_ref()),
            Self::Container { source, .. } => Some(source),
        }
    }
}

/// Takes in all that comes from there, to its end or a signal's; with `tee`, lines are passed on.
///
/// # Errors
/// If the spool cannot be written, or what is to be read cannot be opened.
pub(crate) fn ingest(origin: Origin, store: &Store, tee: bool, output: OutputArgs) -> Result<Done> {
    let stop = Stop::listen()?;
    let folder = store.spool();
    let spool = Writer::begin(folder.clone(), store.bound).with_context(|| {
        format!("{}: cannot be written; name another folder with --directory", folder.path().display())
    })?;
    let buffers = Buffers::default();
    let first = origin.source().cloned();
    let (pieces, account) = open(origin, store, &stop, &buffers)?;
    let tee = Tee::new(tee, output);
    let mut committer = Committer::new(spool.signed(store.notary()), first, tee, stop.clone(), account, buffers);
    while let Some(round) = collect(&pieces, &stop) {
        committer.commit(round)?;
    }
    committer.end()?;
    Ok(committer.done())
}

/// What is read, and what is kept of it where it is all that its source wrote.
fn open(origin: Origin, store: &Store, stop: &Stop, buffers: &Buffers) -> Result<(Receiver<Piece>, Option<Account>)> {
    let first = origin.source().cloned();
    match origin {
        Origin::Files { files, whole } => {
            Ok((input::open(files, buffers.clone())?, first.filter(|_| whole).map(Account::of_stream)))
        }
        Origin::Container { name, source } => {
            let bookmark = Bookmark::of(&name, store.directory())?;
            let mark = bookmark.load();
            let pieces = container::follow(&name, &mark, stop.clone());
            Ok((pieces, Some(Account::of_container(source, name, bookmark, mark))))
        }
    }
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
