//! When a file that is being written under a temporary name was first seen. The time counts for the
//! inode, so that renaming it from one temporary name to another does not begin it anew.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::stamp::Identity;

/// Inodes and their first sight: bounded, the oldest forgotten first.
#[derive(Debug)]
pub(crate) struct FirstSights {
    times: HashMap<Identity, Instant>,
    order: VecDeque<Identity>,
    capacity: usize,
}

impl FirstSights {
    /// None yet; at most `capacity`.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { times: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// When this inode was first seen, which may be now. An inode whose number is used again counts as
    /// the old one: it is then scanned sooner, never later.
    pub(crate) fn of(&mut self, identity: Identity, now: Instant) -> Instant {
        if let Some(time) = self.times.get(&identity) {
            return *time;
        }
        if self.order.len() >= self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
        self.times.insert(identity, now);
        self.order.push_back(identity);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_sight_stays_and_the_table_is_bounded() {
        let mut firsts = FirstSights::new(2);
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        assert_eq!(firsts.of((1, 1), start), start);
        assert_eq!(firsts.of((1, 1), later), start);
        firsts.of((1, 2), later);
        firsts.of((1, 3), later);
        assert_eq!((firsts.times.len(), firsts.order.len()), (2, 2));
        assert_eq!(firsts.of((1, 1), later), later, "the oldest was forgotten");
    }
}
