//! Walks: of a folder that appeared, at once; of everything, at the start, every `rescan`, and whenever
//! something was dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use record::cellblock::Scan;

use super::new_folders::NewFolders;
use crate::pipeline::crawl::Crawl;
use crate::pipeline::shared::Shared;
use crate::queue::Urgency;
use crate::records;
use crate::share::directory::{Below, Root};
use crate::sources::Source;

/// After an overflow more is likely to follow: one walk for all of it.
const SETTLE: Duration = Duration::from_millis(200);

/// How often all of the share is walked when the kernel gives too few watches, at most.
const WITHOUT_WATCHES: Duration = Duration::from_secs(30);

/// Walks folders as they appear, until the run is stopped.
pub(crate) fn walk_folders(shared: &Shared, root: &Arc<Root>, watches: &Source, folders: &NewFolders) {
    while let Some(below) = folders.next(&shared.stop) {
        let cut_off = Crawl::walk(shared, root, Some(watches), Urgency::Urgent, below).is_none();
        if cut_off && shared.stop.is_raised() {
            return;
        }
    }
}

/// Walks everything, now and then, until the run is stopped.
pub(crate) fn make_rounds(
    shared: &Shared,
    root: &Arc<Root>,
    watches: &Source,
    wanted: &Receiver<&'static str>,
    again: &Sender<()>,
) {
    let mut told_exhausted = false;
    let mut why = "start";
    loop {
        if round(shared, root, watches, why) {
            // Not everything was scanned again: it was put off too often, or the engine failed at it.
            let _ = again.try_send(());
        }
        let interval =
            if watches.is_exhausted() { shared.warden.rescan.min(WITHOUT_WATCHES) } else { shared.warden.rescan };
        if watches.is_exhausted() && !std::mem::replace(&mut told_exhausted, true) {
            shared.report(&records::watches_exhausted(watches.count(), interval));
        }
        why = match wanted.recv_timeout(interval) {
            Ok(why) => why,
            Err(RecvTimeoutError::Timeout) => "interval",
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if why == "overflow" {
            shared.report(&records::overflowed(&root.shown(b"")));
            shared.stop.wait(SETTLE);
        }
        if shared.stop.is_raised() {
            return;
        }
    }
}

/// Says whether something there was judged with older signatures only.
fn round(shared: &Shared, root: &Arc<Root>, watches: &Source, why: &'static str) -> bool {
    let began = Instant::now();
    shared.scan_cache().begin_walk();
    let Some(found) = Crawl::walk(shared, root, Some(watches), Urgency::Later, Below::from([])) else { return false };
    shared.scan_cache().end_walk();
    let counts = Scan { walk: Some(why.to_owned()), ..found.counts };
    shared.report(&records::walked(&root.shown(b""), counts, began.elapsed()));
    found.stale
}
