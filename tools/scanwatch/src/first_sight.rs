//! When a file that is being written under a temporary name was first seen. The time counts for the
//! inode, so that renaming it from one temporary name to another does not begin it anew.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::stamp::Identity;

/// For how long a first sight is remembered when there is no room for all. Whoever makes us forget one
/// with a flood of others has waited for longer than any `max_defer` that makes sense.
const KEPT: Duration = Duration::from_secs(3600);

/// Inodes and their first sight: bounded. When it is full of what is not old, a new one is not deferred:
/// were the oldest forgotten instead, a flood of temporary files would defer one of them for ever.
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

    /// When this inode was first seen, which may be now; `None` when there is no room to remember it. An
    /// inode whose number is used again counts as the old one: it is then scanned sooner, never later.
    pub(crate) fn of(&mut self, identity: Identity, now: Instant) -> Option<Instant> {
        if let Some(time) = self.times.get(&identity) {
            return Some(*time);
        }
        if self.order.len() >= self.capacity {
            let oldest = *self.order.front()?;
            let is_old = self.times.get(&oldest).is_none_or(|time| now.saturating_duration_since(*time) >= KEPT);
            if !is_old {
                return None;
            }
            self.order.pop_front();
            self.times.remove(&oldest);
        }
        self.times.insert(identity, now);
        self.order.push_back(identity);
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sight_stays_and_a_flood_of_others_does_not_make_it_forgotten() {
        let mut firsts = FirstSights::new(2);
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        assert_eq!(firsts.of((1, 1), start), Some(start));
        assert_eq!(firsts.of((1, 1), later), Some(start));
        assert_eq!(firsts.of((1, 2), later), Some(later));
        assert_eq!(firsts.of((1, 3), later), None, "no room: not deferred");
        assert_eq!(firsts.of((1, 1), later), Some(start), "and the first is remembered");
        let much_later = start + KEPT;
        assert_eq!(firsts.of((1, 3), much_later), Some(much_later));
        assert_eq!((firsts.times.len(), firsts.order.len()), (2, 2));
    }
}
