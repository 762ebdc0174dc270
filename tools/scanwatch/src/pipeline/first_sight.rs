//! When a file that is being written under a temporary name was first seen. The time counts for the inode: renaming it
//! from one temporary name to another does not begin it anew.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::share::file_state::{Identity, Life};

/// For how long a first sight is remembered when there is no room for all. Whoever makes us forget one
/// with a flood of others has waited for longer than any `max_defer` that makes sense.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Inodes and their first sight: bounded. When it is full of what is not old, a new one is not deferred. Were the
/// oldest forgotten instead, a flood of temporary files would defer one of them for ever.
#[derive(Debug)]
pub(crate) struct FirstSights {
    times: HashMap<Identity, (Life, Instant)>,
    /// The oldest first. An entry whose time is no longer the inode's is left over from its earlier life.
    order: VecDeque<(Identity, Instant)>,
    capacity: usize,
}

impl FirstSights {
    /// None yet; at most `capacity`.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { times: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// When this life of an inode was first seen, which may be now; `None` when there is no room to remember it.
    pub(crate) fn of(&mut self, life: Life, now: Instant) -> Option<Instant> {
        match self.times.get(&life.identity) {
            Some((known, time)) if *known == life => return Some(*time),
            Some(_) => {}
            None => self.make_room(now)?,
        }
        self.times.insert(life.identity, (life, now));
        self.order.push_back((life.identity, now));
        self.drop_leftovers();
        Some(now)
    }

    /// Forgets the oldest if there is no room; `None` if that is not old enough to be forgotten.
    fn make_room(&mut self, now: Instant) -> Option<()> {
        while self.times.len() >= self.capacity {
            let (identity, time) = *self.order.front()?;
            let is_its_own = self.times.get(&identity).is_some_and(|(_, own)| *own == time);
            if is_its_own && now.saturating_duration_since(time) < REMEMBERED {
                return None;
            }
            self.order.pop_front();
            if is_its_own {
                self.times.remove(&identity);
            }
        }
        Some(())
    }

    /// Inodes that are used again and again leave an entry each time.
    fn drop_leftovers(&mut self) {
        if self.order.len() > 2 * self.capacity {
            let Self { times, order, .. } = self;
            order.retain(|(identity, time)| times.get(identity).is_some_and(|(_, own)| own == time));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(inode: u64, born: i64) -> Life {
        Life { identity: (1, inode), born: Some((born, 0)) }
    }

    #[test]
    fn the_first_sight_stays_and_a_flood_of_others_does_not_make_it_forgotten() {
        let mut first_sights = FirstSights::new(2);
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        assert_eq!(first_sights.of(life(1, 0), start), Some(start));
        assert_eq!(first_sights.of(life(1, 0), later), Some(start));
        assert_eq!(first_sights.of(life(2, 0), later), Some(later));
        assert_eq!(first_sights.of(life(3, 0), later), None, "no room: not deferred");
        assert_eq!(first_sights.of(life(1, 0), later), Some(start), "and the first is remembered");
        let much_later = start + REMEMBERED;
        assert_eq!(first_sights.of(life(3, 0), much_later), Some(much_later));
        assert_eq!((first_sights.times.len(), first_sights.order.len()), (2, 2));
    }

    #[test]
    fn a_number_that_is_used_again_is_another_file_and_takes_no_more_room() {
        let mut first_sights = FirstSights::new(2);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(first_sights.of(life(1, 0), start), Some(start));
        for round in 1..100 {
            let born = i64::try_from(round).unwrap();
            assert_eq!(
                first_sights.of(life(1, born), after(round)),
                Some(after(round)),
                "a new file waits its own time"
            );
            assert_eq!(first_sights.of(life(1, born), after(round + 1)), Some(after(round)));
        }
        assert_eq!(first_sights.times.len(), 1);
        assert!(first_sights.order.len() <= 5);
        assert_eq!(first_sights.of(life(2, 0), after(100)), Some(after(100)));
        assert_eq!(first_sights.of(life(3, 0), after(101)), None, "what was renewed is not old");
        let nameless = Life { identity: (1, 2), born: None };
        assert_eq!(first_sights.of(nameless, after(102)), Some(after(102)));
        assert_eq!(first_sights.of(nameless, after(103)), Some(after(102)));
    }
}
