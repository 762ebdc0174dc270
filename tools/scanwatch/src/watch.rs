//! The threads of `watch`, each with one thing to do, until the run is stopped:
//!
//! - `listener`: the kernel's events → the queue
//! - `rounds`: walks of new folders, and of everything
//! - `rescan`: after a change of signatures, what the older ones judged
//! - `keeper`: is the engine there, and itself?
//! - `remains`: what could not be emptied at once
//!
//! Beside these, the queue's own thread and the workers of the pipeline.

mod keeper;
mod listener;
mod new_folders;
pub(crate) mod recovery;
mod remains;
mod rescan;
mod rounds;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crossbeam_channel::bounded;

use crate::pipeline::shared::Shared;
use crate::pipeline::worker::Worker;
use crate::share::directory::Root;
use crate::sources::Source;
use crate::stop::wait;
use new_folders::NewFolders;

/// Runs all threads until the run is stopped, by a signal or by one of them.
pub(crate) fn run(shared: &Shared, root: &Arc<Root>, watches: &Source, workers: usize, signals: &UnixStream) {
    // Unbounded would hide an overflow; both are small, and what does not fit is found by walking.
    let (want_round, rounds) = bounded(4);
    let folders = &NewFolders::new();
    let (want_again, again) = bounded(1);
    std::thread::scope(|scope| {
        scope.spawn(|| shared.queue.tend());
        for _ in 0..workers {
            scope.spawn(|| Worker::new(shared).run());
        }
        let want = want_round.clone();
        scope.spawn(move || listener::listen(shared, root, watches, folders, &want));
        scope.spawn(move || rounds::walk_folders(shared, root, watches, folders));
        let want = want_again.clone();
        scope.spawn(move || rounds::make_rounds(shared, root, watches, &rounds, &want));
        scope.spawn(move || rescan::scan_again(shared, root, &again));
        scope.spawn(|| remains::watch_until_empty(shared, &shared.remains.1));
        scope.spawn(move || keeper::keep(shared, &want_round, &want_again));
        while !shared.stop.is_raised() {
            if wait(&[signals.as_fd(), shared.stop.as_fd()], None).first() == Some(&true) {
                shared.stop.raise();
            }
        }
        shared.queue.stop();
    });
}
