//! Walks: of a folder that appeared, at once; of everything, at the start, every `rescan`, and whenever
//! something was dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use record::cellblock::Scan;

use super::WITHOUT_WATCHES;
use super::new_folders::NewFolders;
use crate::court::Court;
use crate::patrol::Patrol;
use crate::place::{Below, Place};
use crate::queue::Urgency;
use crate::source::Source;
use crate::tell;

/// After an overflow more is likely to follow: one walk for all of it.
const SETTLE: Duration = Duration::from_millis(200);

/// Walks folders as they appear, until the run is stopped.
pub(crate) fn walk_folders(court: &Court, place: &Arc<Place>, watches: &Source, folders: &NewFolders) {
    while let Some(below) = folders.next(&court.stop) {
        let cut_off = Patrol::walk(court, place, Some(watches), Urgency::Urgent, below).is_none();
        if cut_off && court.stop.is_raised() {
            return;
        }
    }
}

/// Walks everything, now and then, until the run is stopped.
pub(crate) fn make_rounds(
    court: &Court,
    place: &Arc<Place>,
    watches: &Source,
    wanted: &Receiver<&'static str>,
    again: &Sender<()>,
) {
    let mut told_exhausted = false;
    let mut why = "start";
    loop {
        if round(court, place, watches, why) {
            // Not everything was scanned again: it was put off too often, or the engine failed at it.
            let _ = again.try_send(());
        }
        let interval =
            if watches.is_exhausted() { court.warden.rescan.min(WITHOUT_WATCHES) } else { court.warden.rescan };
        if watches.is_exhausted() && !std::mem::replace(&mut told_exhausted, true) {
            court.tell(&tell::watches_exhausted(watches.count(), interval));
        }
        why = match wanted.recv_timeout(interval) {
            Ok(why) => why,
            Err(RecvTimeoutError::Timeout) => "interval",
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if why == "overflow" {
            court.tell(&tell::overflowed(&place.shown(b"")));
            court.stop.wait(SETTLE);
        }
        if court.stop.is_raised() {
            return;
        }
    }
}

/// Says whether something there was judged with older signatures only.
fn round(court: &Court, place: &Arc<Place>, watches: &Source, why: &'static str) -> bool {
    let began = Instant::now();
    court.known().begin_walk();
    let Some(found) = Patrol::walk(court, place, Some(watches), Urgency::Later, Below::from([])) else { return false };
    court.known().end_walk();
    let counts = Scan { walk: Some(why.to_owned()), ..found.counts };
    court.tell(&tell::walked(&place.shown(b""), counts, began.elapsed()));
    found.stale
}
