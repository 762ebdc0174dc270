//! After a change of signatures: what the older ones judged is scanned again, the newest first. So few are taken at one
//! time that what is new goes before them.
//!
//! Newest by ctime, which whoever writes cannot set. The share may hold more files than are worth remembering. So a
//! pass keeps the newest of them, and the next begins where it ended.

use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;
use record::cellblock::Scan;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::pipeline::shared::Shared;
use crate::queue::{Pace, Task, Urgency};
use crate::records;
use crate::share::directory::{Below, Root};
use crate::share::file_state::{Identity, Stamp, kind};
use crate::sources::newest::Newest;
use crate::sources::walk::{Visitor, walk};

/// Files that are scanned again at one time.
const AT_ONE_TIME: usize = 4;
/// Files that a pass keeps at most, and bytes of their paths.
const MOST_FILES: usize = 32_768;
const MOST_BYTES: usize = 16 << 20;

/// The order of the queue to come: ctime, then which file it is, so that no two are equal.
type Age = (i64, Identity);

/// Scans again whenever it is wanted, until nobody is left to want it.
pub(crate) fn scan_again(shared: &Shared, root: &Arc<Root>, wanted: &Receiver<()>) {
    let pace = Pace::new(AT_ONE_TIME);
    for () in wanted {
        let began = Instant::now();
        let mut counts = Counts::default();
        while let Cut::Changed = all_passes(shared, root, &pace, &mut counts) {}
        if shared.stop.is_raised() {
            return;
        }
        let Counts { seen, queued } = counts;
        let scan =
            Scan { walk: Some("database".to_owned()), seen: Some(seen), queued_files: Some(queued), ..Scan::default() };
        shared.report(&records::walked(&root.shown(b""), scan, began.elapsed()));
    }
}

#[derive(Debug, Default)]
struct Counts {
    seen: u64,
    queued: u64,
}

/// How a series of passes ended.
enum Cut {
    /// Everything is in the queue, or the run is to end.
    No,
    /// The signatures changed once more: from the newest on again.
    Changed,
}

fn all_passes(shared: &Shared, root: &Arc<Root>, pace: &Arc<Pace>, counts: &mut Counts) -> Cut {
    let epoch = shared.scan_cache().epoch();
    let mut before = None;
    loop {
        let mut pass = Pass { shared, before, newest: Newest::new(MOST_FILES, MOST_BYTES), seen: 0 };
        let _ = walk(root, Below::from([]), &mut pass);
        counts.seen = counts.seen.max(pass.seen);
        let more = pass.newest.dropped() > 0;
        let batch = pass.newest.in_order();
        before = batch.last().map(|(age, _)| *age);
        for (_, below) in batch {
            let Some(permit) = pace.wait(&shared.stop) else { return Cut::No };
            if shared.scan_cache().epoch() != epoch {
                return Cut::Changed;
            }
            let task = Task { again: true, permit: Some(permit), ..Task::new(root, below, Urgency::Again) };
            if !shared.queue.push_waiting(task.finished()) {
                return Cut::No;
            }
            counts.queued += 1;
        }
        if !more || shared.stop.is_raised() {
            return Cut::No;
        }
    }
}

struct Pass<'a> {
    shared: &'a Shared,
    /// Only what is older than this.
    before: Option<Age>,
    newest: Newest<Age>,
    seen: u64,
}

impl Visitor for Pass<'_> {
    fn folder(&mut self, _: &Below, _: &OwnedFd) -> ControlFlow<()> {
        if self.shared.stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn file(&mut self, below: Below, stat: &Stat) -> ControlFlow<()> {
        self.seen += 1;
        let stamp = Stamp::from(stat);
        let age = (stamp.ctime, stamp.identity);
        if kind(stat) == FileType::RegularFile
            && is_next(age, self.before)
            && !self.shared.scan_cache().is_current(&stamp)
        {
            self.newest.offer(age, below);
        }
        ControlFlow::Continue(())
    }

    /// The rounds tell of it.
    fn unread(&mut self, _: &Below, _: Errno) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Does it come in this pass? What is as new as where the last one ended was in that.
fn is_next(age: Age, before: Option<Age>) -> bool {
    before.is_none_or(|before| age < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(before: Option<Age>, most_files: usize) -> (Vec<i64>, bool) {
        let mut newest = Newest::new(most_files, 1000);
        for age in [3, 1, 5, 2, 4].map(|time| (time, (1, 1))).into_iter().filter(|age| is_next(*age, before)) {
            newest.offer(age, b"file".to_vec().into());
        }
        let more = newest.dropped() > 0;
        (newest.in_order().into_iter().map(|((time, _), _)| time).collect(), more)
    }

    #[test]
    fn passes_follow_one_another_without_a_gap() {
        assert_eq!(pass(None, 2), (vec![5, 4], true));
        assert_eq!(pass(Some((4, (1, 1))), 2), (vec![3, 2], true));
        assert_eq!(pass(Some((2, (1, 1))), 2), (vec![1], false));
    }
}
