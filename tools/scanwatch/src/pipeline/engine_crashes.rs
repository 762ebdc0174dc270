//! What the engine died of, by content. A task that merges with another forgets how often it was begun. A file that is
//! touched or copied comes as a new one; its content is the same. So each crash is noted for the contents that were in
//! the engine's hands. Noted content is tried with nothing else there. What it died of too often then is given up. It
//! is asked about once an hour. At each other look it is told as not scanned.
//!
//! A crash with others in the engine's hands makes all of them suspects, and proves nothing. A content that changed
//! meanwhile proves nothing either: the engine may have read what we did not. Else a prisoner could forge the guilt of
//! malware with something else that kills the engine, and so keep it.
//!
//! What only flew beside the guilty one is innocent with its first answer. The memory lasts as long as the run, and as
//! the signatures: others may cure it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often the engine may die with one content in hand before it is given up.
pub(crate) const MOST: u32 = 4;
/// How many of these crashes must prove it: the first is that of a content which nobody suspects, so it has company.
const PROVEN: u32 = MOST - 1;
/// How long it is not asked again then. Each try may cost a start of the engine: half a minute of no scans.
const REST: Duration = Duration::from_secs(3600);
/// The most contents that are remembered, about 150 bytes each. Beyond it the oldest crash is forgotten.
const CONTENTS: usize = 1024;

/// Size in bytes and SHA-256 in hex.
type Content = (u64, String);

#[derive(Debug, Clone, Copy)]
struct Crash {
    count: u32,
    /// How often it happened with nothing else in the engine's hands.
    proven: u32,
    last: Instant,
}

impl Crash {
    fn is_guilty(self) -> bool {
        self.count >= MOST && self.proven >= PROVEN
    }
}

/// What is to be done with a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The engine never died with it in hand, or has answered since.
    Innocent,
    /// The engine died of it: try it alone.
    Suspect,
    /// It died so often, of nothing else, that it is not asked now.
    GivenUp(u32),
}

/// Contents that were in the engine's hands when it died.
#[derive(Debug, Default)]
pub(crate) struct Crashes {
    contents: HashMap<Content, Crash>,
}

impl Crashes {
    /// Is a content of this size among them? Only then it is worth the reading to know which one it is.
    pub(crate) fn has_one_of(&self, size: u64) -> bool {
        self.contents.keys().any(|(known, _)| *known == size)
    }

    /// What is to be done with it now.
    pub(crate) fn standing(&self, size: u64, sha256: &str, now: Instant) -> Standing {
        match self.contents.get(&(size, sha256.to_owned())) {
            None => Standing::Innocent,
            Some(crash) if crash.is_guilty() && now < crash.last + REST => Standing::GivenUp(crash.count),
            Some(_) => Standing::Suspect,
        }
    }

    /// The engine died with it in hand, which it was given at `began`; `alone` if nothing else can be what it died of.
    /// In hand more than once it is one crash: all of that was given before the crash was noted.
    pub(crate) fn note(&mut self, size: u64, sha256: &str, alone: bool, began: Instant, now: Instant) {
        let proven = u32::from(alone);
        let content = (size, sha256.to_owned());
        if self.contents.len() >= CONTENTS && !self.contents.contains_key(&content) {
            let oldest = self.contents.iter().min_by_key(|(_, crash)| crash.last).map(|(content, _)| content.clone());
            oldest.map(|oldest| self.contents.remove(&oldest));
        }
        self.contents
            .entry(content)
            .and_modify(|crash| {
                if began > crash.last {
                    let count = crash.count.saturating_add(1);
                    *crash = Crash { count, proven: crash.proven.saturating_add(proven), last: now };
                }
            })
            .or_insert(Crash { count: 1, proven, last: now });
    }

    /// The engine answered: it does not die of this.
    pub(crate) fn forget(&mut self, size: u64, sha256: &str) {
        if !self.contents.is_empty() {
            self.contents.remove(&(size, sha256.to_owned()));
        }
    }

    /// The signatures are others now.
    pub(crate) fn forget_all(&mut self) {
        self.contents.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    /// It died so often, the last time at `now`.
    fn crashed(times: u32, now: Instant) -> Crashes {
        let mut crashes = Crashes::default();
        for ago in (0..times).rev().map(|number| MOMENT * 2 * number) {
            crashes.note(5, "a", true, now - ago - MOMENT, now - ago);
        }
        crashes
    }

    #[test]
    fn in_hand_more_than_once_a_content_has_died_once() {
        let now = Instant::now();
        let mut crashes = crashed(MOST - 1, now);
        (0..9).for_each(|_| crashes.note(5, "a", true, now - MOMENT, now + MOMENT));
        assert_eq!(crashes.standing(5, "a", now), Standing::Suspect);
        crashes.note(5, "a", true, now + MOMENT, now + MOMENT);
        assert_eq!(crashes.standing(5, "a", now), Standing::GivenUp(MOST));
    }

    #[test]
    fn a_content_is_suspect_from_the_first_death_on_and_given_up_for_an_hour_with_the_fourth() {
        let now = Instant::now();
        assert_eq!(crashed(0, now).standing(5, "a", now), Standing::Innocent);
        assert_eq!(crashed(MOST - 1, now).standing(5, "a", now), Standing::Suspect);
        let mut crashes = crashed(MOST, now);
        assert_eq!(crashes.standing(5, "a", now + REST - Duration::from_secs(1)), Standing::GivenUp(MOST));
        assert_eq!(crashes.standing(5, "b", now), Standing::Innocent, "another content");
        assert!(crashes.has_one_of(5) && !crashes.has_one_of(6));
        assert_eq!(crashes.standing(5, "a", now + REST), Standing::Suspect, "one more try");
        crashes.note(5, "a", true, now + REST, now + REST);
        assert_eq!(crashes.standing(5, "a", now + REST), Standing::GivenUp(MOST + 1), "and no second one");
    }

    #[test]
    fn an_answer_and_other_signatures_clear_it() {
        let now = Instant::now();
        let mut crashes = crashed(MOST, now);
        crashes.forget(5, "a");
        assert_eq!(crashes.standing(5, "a", now), Standing::Innocent);
        let mut crashes = crashed(MOST, now);
        crashes.forget_all();
        assert!(!crashes.has_one_of(5));
    }

    #[test]
    fn the_memory_has_a_bound_and_the_oldest_death_goes_first() {
        let now = Instant::now();
        let mut crashes = Crashes::default();
        for number in 0..=CONTENTS {
            crashes.note(5, &number.to_string(), true, now, now + Duration::from_millis(number as u64));
        }
        assert_eq!(crashes.contents.len(), CONTENTS);
        assert_eq!(crashes.standing(5, "0", now), Standing::Innocent);
        assert_eq!(crashes.standing(5, "1", now), Standing::Suspect);
    }

    #[test]
    fn deaths_with_others_in_the_engines_hands_make_a_suspect_and_never_give_it_up() {
        let now = Instant::now();
        let mut crashes = Crashes::default();
        for number in 1..=MOST * 5 {
            crashes.note(5, "a", false, now + MOMENT * 2 * number - MOMENT, now + MOMENT * 2 * number);
        }
        assert_eq!(crashes.standing(5, "a", now + MOMENT * 200), Standing::Suspect);
    }
}
