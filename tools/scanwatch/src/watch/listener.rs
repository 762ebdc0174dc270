//! From what the kernel tells to what is to be scanned, and when.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::new_folders::NewFolders;
use crate::pipeline::shared::Shared;
use crate::queue::{Task, Urgency};
use crate::share::directory::Root;
use crate::sources::Source;
use crate::sources::inotify::Change;
use crate::stop::wait;

/// A name that appeared is most often a file whose close comes next: not scanned twice for that.
const APPEARED: Duration = Duration::from_millis(20);
/// The warden looks at a file that is being written once in this time.
const WRITTEN: Duration = Duration::from_secs(1);

/// Puts every change in the queue, until the run is stopped. Never waits for room.
pub(crate) fn listen(
    shared: &Shared,
    root: &Arc<Root>,
    watches: &Source,
    folders: &NewFolders,
    rounds: &Sender<&'static str>,
) {
    let task = |below| Task::new(root, below, Urgency::Urgent);
    while !shared.stop.is_raised() {
        wait(&[watches.as_fd(), shared.stop.as_fd()], None);
        let drained = watches.drain(&mut |change| match change {
            Change::Finished(below) => shared.queue.push(task(below).finished()),
            Change::Appeared(below) => shared.queue.push_at(task(below), Instant::now() + APPEARED),
            Change::Written(below) => shared.queue.push_at(task(below), Instant::now() + WRITTEN),
            Change::Folder(below) => {
                if !folders.offer(below) {
                    shared.queue.overflow();
                }
            }
            Change::Overflow => shared.queue.overflow(),
        });
        if let Err(error) = drained {
            let lost = anyhow::Error::new(error).context("the kernel's events cannot be read");
            shared.output.fail(lost, &shared.stop);
        }
        if shared.queue.take_overflow() {
            // A walk that is wanted already will see it all.
            let _ = rounds.try_send("overflow");
        }
    }
}
