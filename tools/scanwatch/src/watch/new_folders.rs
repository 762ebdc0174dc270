//! Folders that appeared, and are to be walked. Bounded in number and in bytes: whoever writes the share
//! chooses how long their paths are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::share::directory::Below;
use crate::stop::Stop;

/// Folders that wait at most, and bytes of their paths.
const MOST: usize = 16_384;
const MOST_BYTES: usize = 16 << 20;
/// How often who waits for one looks whether the run is to end.
const LOOK: Duration = Duration::from_millis(500);

/// New folders that wait for a walk, bounded in number and bytes.
#[derive(Debug)]
pub(crate) struct NewFolders {
    line: (Sender<Below>, Receiver<Below>),
    bytes: AtomicUsize,
}

impl NewFolders {
    /// A list with no folder in it.
    pub(crate) fn new() -> Self {
        Self { line: bounded(MOST), bytes: AtomicUsize::new(0) }
    }

    /// Puts one in the line. `false` when there is no room.
    pub(crate) fn offer(&self, below: Below) -> bool {
        let length = below.len();
        let has_room = self.bytes.fetch_add(length, Ordering::SeqCst) + length <= MOST_BYTES;
        if has_room && self.line.0.try_send(below).is_ok() {
            return true;
        }
        self.bytes.fetch_sub(length, Ordering::SeqCst);
        false
    }

    /// Waits for the next one; `None` when the run is to end.
    pub(crate) fn next(&self, stop: &Stop) -> Option<Below> {
        while !stop.is_raised() {
            if let Ok(below) = self.line.1.recv_timeout(LOOK) {
                self.bytes.fetch_sub(below.len(), Ordering::SeqCst);
                return Some(below);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_fill_the_line_before_many_do_and_room_comes_back() {
        let (folders, stop) = (NewFolders::new(), Stop::new().unwrap());
        let long: Below = vec![b'x'; 60_000].into();
        let taken = (0..1000).take_while(|_| folders.offer(Below::clone(&long))).count();
        assert_eq!(taken, MOST_BYTES / 60_000);
        assert!(folders.offer(b"short".as_slice().into()));
        assert_eq!(folders.next(&stop).map(|below| below.len()), Some(60_000));
        assert!(folders.offer(long));
        stop.raise();
        assert_eq!(folders.next(&stop), None);
    }
}
