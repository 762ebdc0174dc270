//! Reads lines in large pieces, on a thread of its own: a slow writer must not keep the lines that
//! are already here from the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, Result};
use jiff::Timestamp;
use record::MAX_LINE;
use sha2::{Digest, Sha256};

use super::bookmark::Position;
use super::buffers::Buffers;
use crate::source::{Named, Source};

/// How much is read at once, in bytes.
const CHUNK: usize = 256 << 10;
/// How many pieces may wait to be written.
pub(super) const WAITING: usize = 4;
/// How much of a line too long to be held is kept, in bytes.
const START: usize = 64 << 10;

/// One piece of an input: lines, or what happened to it.
#[derive(Debug)]
pub(crate) enum Piece {
    /// What follows is another source's.
    Whose(Option<Source>),
    /// Whole lines, each with its break.
    Lines(Vec<u8>),
    /// A line too long to be held: how it starts, its length and its SHA-256.
    TooLong { start: Vec<u8>, bytes: u64, sha256: [u8; 32] },
    /// What follows is the log of the container with this id.
    Of(String),
    /// The line that was read last is gone from the container's log, and perhaps others between these times.
    Gone(Timestamp, Timestamp),
    /// What came before is all of a container's log up to there.
    Until(Position),
    /// The input could not be read any further.
    Failed(anyhow::Error),
}

impl Piece {
    /// How many bytes of lines it holds.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.len(),
            Self::TooLong { start, .. } => start.len(),
            Self::Whose(_) | Self::Of(_) | Self::Gone(..) | Self::Until(_) | Self::Failed(_) => 0,
        }
    }
}

/// Begins to read files, one behind the other: between them stands whose the next one is.
///
/// # Errors
/// If one of them cannot be opened: then nothing is read of any.
pub(super) fn open(files: Vec<Named>, buffers: Buffers) -> Result<Receiver<Piece>> {
    let inputs = files.into_iter().map(|named| Ok((opened(&named.file)?, named))).collect::<Result<Vec<_>>>()?;
    let (sender, receiver) = sync_channel(WAITING);
    thread::spawn(move || {
        for (number, (input, Named { source, file })) in inputs.into_iter().enumerate() {
            if number > 0 && sender.send(Piece::Whose(source)).is_err() {
                return;
            }
            feed(input, &file, Cutter { buffers: buffers.clone(), ..Cutter::default() }, &sender);
        }
    });
    Ok(receiver)
}

fn opened(path: &Path) -> Result<Box<dyn Read + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("{}: cannot be opened", path.display()))?;
    anyhow::ensure!(!file.metadata()?.is_dir(), "{}: is a folder, not a file of JSON lines", path.display());
    Ok(Box::new(file))
}

/// Reads until the end, or until nobody takes the pieces any more.
fn feed(mut input: impl Read, file: &Path, mut cutter: Cutter, sender: &SyncSender<Piece>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let pieces = match input.read(&mut chunk) {
            Ok(0) => {
                let _ = cutter.end().map(|piece| sender.send(piece));
                return;
            }
            Ok(count) => cutter.take(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = cutter.end().map(|piece| sender.send(piece));
                let why = format!("{}: cannot be read any further", file.display());
                let _ = sender.send(Piece::Failed(anyhow::Error::new(error).context(why)));
                return;
            }
        };
        for piece in pieces {
            if sender.send(piece).is_err() {
                return;
            }
        }
    }
}

/// Cuts a stream of bytes at line breaks, holding at most one line and one chunk.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    rest: Vec<u8>,
    buffers: Buffers,
    long: Option<Long>,
}

#[derive(Debug)]
struct Long {
    start: Vec<u8>,
    bytes: u64,
    hash: Sha256,
}

impl Long {
    fn more(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    fn piece(self) -> Piece {
        Piece::TooLong { start: self.start, bytes: self.bytes, sha256: self.hash.finalize().into() }
    }
}

impl Cutter {
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(mut long) = self.long.take() {
            let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
                long.more(bytes);
                self.long = Some(long);
                return pieces;
            };
            let (last, behind) = bytes.split_at(end);
            long.more(last);
            pieces.push(long.piece());
            bytes = behind.get(1..).unwrap_or_default();
        }
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(whole);
        if !lines.is_empty() {
            let mut held = std::mem::replace(&mut self.rest, self.buffers.take());
            held.extend_from_slice(lines);
            pieces.push(Piece::Lines(held));
        }
        self.rest.extend_from_slice(rest);
        if self.rest.len() > MAX_LINE {
            let held = std::mem::take(&mut self.rest);
            let mut long =
                Long { start: held.get(..START).unwrap_or_default().to_vec(), bytes: 0, hash: Sha256::new() };
            long.more(&held);
            self.long = Some(long);
        }
        pieces
    }

    /// The last line, where it has no break.
    fn end(&mut self) -> Option<Piece> {
        if let Some(long) = self.long.take() {
            return Some(long.piece());
        }
        if self.rest.is_empty() {
            return None;
        }
        self.rest.push(b'\n');
        Some(Piece::Lines(std::mem::take(&mut self.rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Piece> {
        let mut cutter = Cutter::default();
        let mut pieces: Vec<Piece> = chunks.iter().flat_map(|chunk| cutter.take(chunk)).collect();
        pieces.extend(cutter.end());
        pieces
    }

    #[test]
    fn a_line_too_long_is_hashed_whole_and_the_next_one_is_still_read() {
        let long = vec![b'x'; 3 * MAX_LINE];
        let input = [&long[..], b"\nnext\n"].concat();
        let chunks: Vec<&[u8]> = input.chunks(CHUNK).collect();
        let pieces = cut(&chunks);
        let Piece::TooLong { start, bytes, sha256 } = &pieces[0] else { panic!("{pieces:?}") };
        assert_eq!((start.len(), *bytes), (START, long.len() as u64));
        assert_eq!(sha256[..], Sha256::digest(&long)[..]);
        assert!(matches!(&pieces[1], Piece::Lines(lines) if lines == b"next\n"));
    }

    #[test]
    fn a_last_line_without_a_break_is_a_line() {
        let pieces = cut(&[b"a\nb", b"c"]);
        let all: Vec<u8> = pieces.into_iter().flat_map(|p| if let Piece::Lines(l) = p { l } else { vec![] }).collect();
        assert_eq!(all, b"a\nbc\n");
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_its_bytes_come_through(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            size in 1usize..50,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            let mut all = Vec::new();
            for piece in cut(&chunks) {
                let Piece::Lines(lines) = piece else { panic!("nothing here is long") };
                prop_assert!(lines.ends_with(b"\n"));
                all.extend(lines);
            }
            let mut expected = bytes.clone();
            if bytes.last().is_some_and(|b| *b != b'\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(all, expected);
        }
    }
}
