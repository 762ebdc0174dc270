//! A walk on behalf of the court: puts a watch on every folder, and what is not known in the queue.

use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use record::cellblock::Scan;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::court::{Court, Duty};
use crate::place::{Below, Place};
use crate::queue::{Task, Urgency};
use crate::source::Source;
use crate::stamp::{Stamp, kind};
use crate::tell;
use crate::walk::{Visitor, walk};

/// One walk.
#[derive(Debug)]
pub(crate) struct Patrol<'a> {
    court: &'a Court,
    place: &'a Arc<Place>,
    watches: Option<&'a Source>,
    urgency: Urgency,
    seen: u64,
    queued: u64,
    folders: u64,
    stale: bool,
}

/// What a walk of the patrol found.
#[derive(Debug)]
pub(crate) struct Found {
    /// For the record.
    pub(crate) counts: Scan,
    /// Something was judged with older signatures only.
    pub(crate) stale: bool,
}

impl<'a> Patrol<'a> {
    /// A walk that begins at `start`, itself included. Gives its counts, or `None` when it was cut off.
    pub(crate) fn walk(
        court: &'a Court,
        place: &'a Arc<Place>,
        watches: Option<&'a Source>,
        urgency: Urgency,
        start: Below,
    ) -> Option<Found> {
        let mut patrol = Self { court, place, watches, urgency, seen: 0, queued: 0, folders: 0, stale: false };
        let ended = walk(place, start, &mut patrol);
        let counts = Scan {
            seen: Some(patrol.seen),
            queued_files: Some(patrol.queued),
            directories: Some(patrol.folders),
            ..Scan::default()
        };
        ended.is_continue().then_some(Found { counts, stale: patrol.stale })
    }

    fn is_known(&mut self, stat: &Stat) -> bool {
        let (known, stamp) = (&mut self.court.known(), Stamp::from(stat));
        let holds = known.holds(&stamp);
        self.stale |= holds && !known.is_current(&stamp);
        holds
    }

    fn enqueue(&mut self, task: Task) -> ControlFlow<()> {
        self.queued += 1;
        if self.urgency == Urgency::Urgent {
            self.court.queue.push(task);
        } else if !self.court.queue.push_waiting(task) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Patrol<'_> {
    fn folder(&mut self, below: &Below, fd: &OwnedFd) -> ControlFlow<()> {
        self.folders += 1;
        if let Some(Err(error)) = self.watches.map(|watches| watches.add(fd, below)) {
            self.unread(below, error)?;
        }
        if self.court.stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn file(&mut self, below: Below, stat: &Stat) -> ControlFlow<()> {
        self.seen += 1;
        let looking = matches!(self.court.duty, Duty::Look);
        if kind(stat) == FileType::Symlink || (!looking && stat.st_mode & 0o6000 == 0 && self.is_known(stat)) {
            return ControlFlow::Continue(());
        }
        let task = Task::new(self.place, below, self.urgency);
        self.enqueue(if looking { task.finished() } else { task })
    }

    fn unread(&mut self, below: &Below, error: Errno) -> ControlFlow<()> {
        let record = tell::unread(&self.place.shown(below), error);
        self.court.check(&record, record::Outcome::Unknown);
        ControlFlow::Continue(())
    }
}
