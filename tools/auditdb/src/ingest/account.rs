//! What is known of a source whose every line comes in: how far it was read, and what is missing.

use anyhow::{Context, Result};
use jiff::Timestamp;
use record::Record;

use super::bookmark::{Bookmark, Mark};
use super::input::Piece;
use crate::line::Accepted;
use crate::source::Source;

/// The account of one source.
#[derive(Debug)]
pub(super) struct Account {
    source: Source,
    /// The container's name, and where it is remembered how far its log was read.
    container: Option<(String, Bookmark)>,
    /// How far it was read, and what is missing before that and was not told yet.
    mark: Mark,
    /// Did the mark move since it was saved?
    moved: bool,
}

impl Account {
    /// An account of a stream, which leaves no bookmark.
    pub(super) fn of_stream(source: Source) -> Self {
        Self { source, container: None, mark: Mark::default(), moved: false }
    }

    /// An account of a container's log, which goes on from its bookmark.
    pub(super) fn of_container(source: Source, name: String, bookmark: Bookmark, mark: Mark) -> Self {
        Self { source, container: Some((name, bookmark)), mark, moved: false }
    }

    /// Takes what the reader says beside lines.
    pub(super) fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Of(id) => self.mark.container = Some(id.clone()),
            Piece::Gone(since, until) => self.mark.lost.rotate(*since, *until),
            Piece::Until(position) => (self.mark.at, self.moved) = (Some(*position), true),
            Piece::Whose(_) | Piece::Lines(_) | Piece::TooLong { .. } | Piece::Failed(_) => {}
        }
    }

    /// Notes a line's number and time, so that a gap in the numbers shows.
    pub(super) fn line(&mut self, line: &Accepted<'_>) {
        let time = line.time.and_then(|time| Timestamp::from_microsecond(time).ok());
        let Mark { lost, runs, .. } = &mut self.mark;
        lost.line(runs, line.columns.line.as_deref(), time);
    }

    /// What is lost and was not told yet.
    pub(super) fn take_loss(&mut self, ended: bool) -> Option<Record> {
        let told = self.mark.lost.take(&self.source, self.container.as_ref().map(|(name, _)| name.as_str()), ended);
        self.moved |= told.is_some();
        told
    }

    /// How far it was read.
    pub(super) fn reached(&self) -> Option<Mark> {
        self.container.is_some().then(|| self.mark.clone())
    }

    /// Remembers that it was read so far and no farther.
    pub(super) fn save_at(&mut self, mark: Mark) -> Result<()> {
        (self.mark, self.moved) = (mark, true);
        self.save()
    }

    /// Remembers how far it was read. The lines are on the disk already.
    pub(super) fn save(&mut self) -> Result<()> {
        // Before the first line is whole there is no place to remember.
        let moved = self.moved && self.mark.at.is_some();
        let Some((_, bookmark)) = self.container.as_ref().filter(|_| moved) else { return Ok(()) };
        self.moved = false;
        bookmark.save(&self.mark).context("how far the container's log was read could not be remembered")
    }
}
