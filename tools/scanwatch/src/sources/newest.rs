//! The newest files of a walk, as many as there is room for: a share may hold more than are worth remembering.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::share::directory::Below;

/// Of the files that are offered those with the greatest keys. Their number is bounded, and the bytes of their paths.
#[derive(Debug)]
pub(crate) struct Newest<K> {
    /// The oldest is on top, and goes first.
    files: BinaryHeap<Reverse<(K, Below)>>,
    bytes: usize,
    most_files: usize,
    most_bytes: usize,
    dropped: usize,
}

impl<K: Ord> Newest<K> {
    /// Of at most so many files, with at most so many bytes of paths. One always fits.
    pub(crate) fn new(most_files: usize, most_bytes: usize) -> Self {
        Self { files: BinaryHeap::new(), bytes: 0, most_files, most_bytes, dropped: 0 }
    }

    /// Takes a file, and drops the oldest while there is no room.
    pub(crate) fn offer(&mut self, age: K, below: Below) {
        self.bytes += below.len();
        self.files.push(Reverse((age, below)));
        while self.files.len() > 1 && (self.files.len() > self.most_files || self.bytes > self.most_bytes) {
            let Some(Reverse((_, oldest))) = self.files.pop() else { break };
            self.bytes -= oldest.len();
            self.dropped += 1;
        }
    }

    /// How many had no room: all of them are older than those that are there.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }

    /// The newest first.
    pub(crate) fn in_order(self) -> Vec<(K, Below)> {
        // Sorted by the reverse, so the newest come first.
        self.files.into_sorted_vec().into_iter().map(|Reverse(file)| file).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(most_files: usize, most_bytes: usize) -> (Vec<i64>, usize) {
        let mut newest = Newest::new(most_files, most_bytes);
        for time in [3, 1, 5, 2, 4] {
            newest.offer(time, format!("file-{time}").into_bytes().into());
        }
        let dropped = newest.dropped();
        (newest.in_order().into_iter().map(|(time, _)| time).collect(), dropped)
    }

    #[test]
    fn the_newest_come_first_and_those_without_room_are_counted() {
        assert_eq!(offered(10, 1000), (vec![5, 4, 3, 2, 1], 0));
        assert_eq!(offered(2, 1000), (vec![5, 4], 3));
        assert_eq!(offered(10, 13), (vec![5, 4], 3), "long paths take room");
        assert_eq!(offered(10, 1), (vec![5], 4), "and one always fits");
    }
}
