//! After a change of signatures: what the older ones judged is scanned again, the newest first. So few are taken at one
//! time that what is new goes before them.
//!
//! Newest by ctime, which whoever writes cannot set. The share may hold more files than are worth remembering. So a
//! pass keeps the newest of them, and the next begins where it ended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
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
        let mut pass = Pass { shared, newest: Newest::new(before, MOST_FILES, MOST_BYTES), seen: 0 };
        let _ = walk(root, Below::from([]), &mut pass);
        counts.seen = counts.seen.max(pass.seen);
        let (batch, more) = pass.newest.in_order();
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
    newest: Newest,
    seen: u64,
}

impl Visitor for Pass<'_> {
    fn folder(&mut self, _: &Below, _: &OwnedFd) -> ControlFlow<()> {
        if self.shared.stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn file(&mut self, below: Below, stat: &Stat) -> ControlFlow<()> {
        self.seen += 1;
        let stamp = Stamp::from(stat);
        if kind(stat) == FileType::RegularFile && !self.shared.scan_cache().is_current(&stamp) {
            self.newest.offer((stamp.ctime, stamp.identity), below);
        }
        ControlFlow::Continue(())
    }

    /// The rounds tell of it.
    fn unread(&mut self, _: &Below, _: Errno) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The newest files of those that are offered, as many as there is room for.
#[derive(Debug)]
struct Newest {
    /// Only what is older than this.
    before: Option<Age>,
    files: BinaryHeap<Reverse<(Age, Below)>>,
    bytes: usize,
    most_files: usize,
    most_bytes: usize,
    /// Some files had no room in this round.
    more: bool,
}

impl Newest {
    fn new(before: Option<Age>, most_files: usize, most_bytes: usize) -> Self {
        Self { before, files: BinaryHeap::new(), bytes: 0, most_files, most_bytes, more: false }
    }

    fn offer(&mut self, age: Age, below: Below) {
        if self.before.is_some_and(|before| age >= before) {
            return;
        }
        self.bytes += below.len();
        self.files.push(Reverse((age, below)));
        while self.files.len() > 1 && (self.files.len() > self.most_files || self.bytes > self.most_bytes) {
            self.more = true;
            if let Some(Reverse((_, oldest))) = self.files.pop() {
                self.bytes -= oldest.len();
            }
        }
    }

    /// The newest first, and whether there are older ones.
    fn in_order(self) -> (Vec<(Age, Below)>, bool) {
        // Sorted by the reverse, so the newest come first.
        (self.files.into_sorted_vec().into_iter().map(|Reverse(file)| file).collect(), self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(before: Option<Age>, most_files: usize, most_bytes: usize) -> (Vec<i64>, bool) {
        let mut newest = Newest::new(before, most_files, most_bytes);
        for time in [3, 1, 5, 2, 4] {
            newest.offer((time, (1, 1)), format!("file-{time}").into_bytes().into());
        }
        let (files, more) = newest.in_order();
        (files.into_iter().map(|((time, _), _)| time).collect(), more)
    }

    #[test]
    fn the_newest_come_first_and_passes_follow_one_another_without_a_gap() {
        assert_eq!(offered(None, 10, 1000), (vec![5, 4, 3, 2, 1], false));
        assert_eq!(offered(None, 2, 1000), (vec![5, 4], true));
        assert_eq!(offered(Some((4, (1, 1))), 2, 1000), (vec![3, 2], true));
        assert_eq!(offered(Some((2, (1, 1))), 2, 1000), (vec![1], false));
        assert_eq!(offered(None, 10, 13), (vec![5, 4], true), "long paths take room");
        assert_eq!(offered(None, 10, 1), (vec![5], true), "and one always fits");
    }
}
