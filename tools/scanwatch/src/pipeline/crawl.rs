//! A walk that feeds the queue: it puts a watch on every folder, and queues each file that no scan has seen in this
//! state.

use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use record::cellblock::Scan;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::pipeline::shared::{OnFound, Shared};
use crate::queue::{Task, Urgency};
use crate::records;
use crate::share::directory::{Below, Root};
use crate::share::file_state::{Stamp, kind};
use crate::sources::Source;
use crate::sources::walk::{Visitor, walk};

/// One walk over the share, or over a part of it.
#[derive(Debug)]
pub(crate) struct Crawl<'a> {
    shared: &'a Shared,
    root: &'a Arc<Root>,
    watches: Option<&'a Source>,
    urgency: Urgency,
    seen: u64,
    queued: u64,
    folders: u64,
    stale: bool,
}

/// What a walk found.
#[derive(Debug)]
pub(crate) struct Found {
    /// What the walk counted, as its record has it.
    pub(crate) counts: Scan,
    /// Something was judged with older signatures only.
    pub(crate) stale: bool,
}

impl<'a> Crawl<'a> {
    /// A walk that begins at `start`, itself included. Gives its counts, or `None` when it was cut off.
    pub(crate) fn walk(
        shared: &'a Shared,
        root: &'a Arc<Root>,
        watches: Option<&'a Source>,
        urgency: Urgency,
        start: Below,
    ) -> Option<Found> {
        let mut crawl = Self { shared, root, watches, urgency, seen: 0, queued: 0, folders: 0, stale: false };
        let ended = walk(root, start, &mut crawl);
        let counts = Scan {
            seen: Some(crawl.seen),
            queued_files: Some(crawl.queued),
            directories: Some(crawl.folders),
            ..Scan::default()
        };
        ended.is_continue().then_some(Found { counts, stale: crawl.stale })
    }

    fn is_known(&mut self, stat: &Stat) -> bool {
        let (known, stamp) = (&mut self.shared.scan_cache(), Stamp::from(stat));
        let holds = known.holds(&stamp);
        self.stale |= holds && !known.is_current(&stamp);
        holds
    }

    fn enqueue(&mut self, task: Task) -> ControlFlow<()> {
        self.queued += 1;
        if self.urgency == Urgency::Urgent {
            self.shared.queue.push(task);
        } else if !self.shared.queue.push_waiting(task) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Crawl<'_> {
    fn folder(&mut self, below: &Below, fd: &OwnedFd) -> ControlFlow<()> {
        self.folders += 1;
        if let Some(Err(error)) = self.watches.map(|watches| watches.add(fd, below)) {
            self.unread(below, error)?;
        }
        if self.shared.stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn file(&mut self, below: Below, stat: &Stat) -> ControlFlow<()> {
        self.seen += 1;
        let reports_only = matches!(self.shared.on_found, OnFound::Report);
        if kind(stat) == FileType::Symlink || (!reports_only && stat.st_mode & 0o6000 == 0 && self.is_known(stat)) {
            return ControlFlow::Continue(());
        }
        let task = Task::new(self.root, below, self.urgency);
        self.enqueue(if reports_only { task.finished() } else { task })
    }

    fn unread(&mut self, below: &Below, error: Errno) -> ControlFlow<()> {
        let record = records::unread(&self.root.shown(below), error);
        self.shared.check(&record, record::Outcome::Unknown);
        ControlFlow::Continue(())
    }
}
