//! The numbers that writers give their lines (`cellblock.line`): one that is left out is a line that is lost.
//!
//! A writer begins a run with each start, and several may share a stream: the gate's two workers do. What a run said
//! last before it ended cannot be known to be the last. So only what is missing inside a run, or from its beginning, is
//! counted. What a source says of itself is its own claim.

use std::collections::BTreeMap;

use jiff::Timestamp;
use record::LineNumber;

/// How many runs of one source are remembered: the oldest is let go first.
const MOST: usize = 64;

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) number: u64,
    /// When its last line was written, if it says.
    pub(super) time: Option<Timestamp>,
}

/// What a line is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The next one, or one that was there before.
    Follows,
    /// The first that is known of a run, and nothing says that one is missing.
    Begins,
    /// Lines are missing before it: how many, and when the last one before them was written.
    Leaps(u64, Option<Timestamp>),
}

/// The runs of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs {
    pub(super) reached: BTreeMap<String, Reached>,
    /// Were all runs seen from their beginning on? Then one that begins in the middle has lost what was before.
    pub(super) whole: bool,
}

impl Runs {
    /// Takes a line's number.
    pub(super) fn take(&mut self, line: &LineNumber, time: Option<Timestamp>) -> Step {
        let known = self.reached.get(&line.run).copied();
        let step = match known {
            Some(before) if line.number <= before.number.saturating_add(1) => Step::Follows,
            Some(before) => Step::Leaps(line.number - before.number - 1, before.time),
            None if line.number > 1 && self.whole => Step::Leaps(line.number - 1, self.latest()),
            None => Step::Begins,
        };
        if known.is_none_or(|before| before.number < line.number) {
            self.reached.insert(line.run.clone(), Reached { number: line.number, time });
            self.let_go();
        }
        step
    }

    fn latest(&self) -> Option<Timestamp> {
        self.reached.values().filter_map(|run| run.time).max()
    }

    fn let_go(&mut self) {
        let oldest = self.reached.iter().min_by_key(|(_, reached)| reached.time).map(|(run, _)| run.clone());
        oldest.filter(|_| self.reached.len() > MOST).and_then(|run| self.reached.remove(&run));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(run: u8, number: u64) -> LineNumber {
        LineNumber { run: format!("{run:012x}"), number }
    }

    fn take(runs: &mut Runs, run: u8, number: u64) -> Step {
        runs.take(&line(run, number), Some(Timestamp::from_second(number.try_into().unwrap()).unwrap()))
    }

    #[test]
    fn a_number_that_is_left_out_is_a_loss_and_a_new_run_or_a_repeat_is_none() {
        let mut runs = Runs { whole: true, ..Runs::default() };
        assert_eq!(take(&mut runs, 1, 1), Step::Begins);
        assert_eq!(take(&mut runs, 1, 2), Step::Follows);
        assert_eq!(take(&mut runs, 2, 1), Step::Begins);
        assert_eq!(take(&mut runs, 1, 6), Step::Leaps(3, Some(Timestamp::from_second(2).unwrap())));
        assert_eq!(take(&mut runs, 1, 3), Step::Follows, "it was counted");
        assert_eq!(take(&mut runs, 3, 5), Step::Leaps(4, Some(Timestamp::from_second(6).unwrap())), "its head");
        runs.whole = false;
        assert_eq!(take(&mut runs, 4, 5), Step::Begins, "who came late knows nothing of its head");
    }

    #[test]
    fn the_largest_number_and_a_thousand_runs_cost_no_more_than_their_bound() {
        let mut runs = Runs { whole: true, ..Runs::default() };
        runs.take(&line(1, u64::MAX), None);
        assert_eq!(runs.take(&line(1, u64::MAX), None), Step::Follows);
        for n in 0..1000u64 {
            runs.take(&LineNumber { run: format!("{n:012x}"), number: 1 }, None);
        }
        assert_eq!(runs.reached.len(), MOST);
    }

    proptest! {
        #[test]
        fn what_came_and_what_is_counted_as_lost_are_all_that_was_written(kept in proptest::collection::vec(any::<bool>(), 1..200)) {
            let mut runs = Runs { whole: true, ..Runs::default() };
            let (mut came, mut lost) = (0, 0);
            for number in kept.iter().zip(1u64..).filter(|(kept, _)| **kept).map(|(_, number)| number) {
                came += 1;
                if let Step::Leaps(lines, _) = take(&mut runs, 1, number) {
                    lost += lines;
                }
            }
            let last = kept.iter().rposition(|kept| *kept).map_or(0, |at| at as u64 + 1);
            prop_assert_eq!(came + lost, last);
        }
    }
}
