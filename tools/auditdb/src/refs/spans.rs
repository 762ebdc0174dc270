//! From when to when a ref pointed where, and when that exposed who used it: a pure function of the record's lines.

use jiff::Timestamp;
use record::cellblock::Target;

/// One change of a ref, as the record tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// When the round found it.
    pub(crate) time: Timestamp,
    /// Where it pointed before; `None` where it was new.
    pub(crate) old: Option<Target>,
    /// Where it points; `None` where it is gone.
    pub(crate) new: Option<Target>,
    /// Was it against the policy?
    pub(crate) failed: bool,
}

/// A time in which a ref pointed to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// To what; `None` while it was gone.
    pub(crate) target: Option<Target>,
    /// Since when; `None` where it was so before the record knew of it.
    pub(crate) from: Option<Timestamp>,
    /// Until when; `None` where it still is.
    pub(crate) to: Option<Timestamp>,
    /// Did it point where it had no right to?
    pub(crate) exposed: bool,
}

/// The spans, oldest first. Where a move is against the policy, what follows is exposed. A ref that came back to where
/// it had rightly been is not. A change that is told twice, as after a crash, is one.
pub(crate) fn spans(steps: &[Step]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut rightful: Vec<&Target> = Vec::new();
    for step in steps {
        match spans.last_mut() {
            Some(last) if last.target == step.new => continue,
            Some(last) => last.to = Some(step.time),
            None => {
                if let Some(old) = &step.old {
                    rightful.push(old);
                    spans.push(Span { target: Some(old.clone()), from: None, to: Some(step.time), exposed: false });
                }
            }
        }
        if let Some(new) = step.new.as_ref().filter(|_| !step.failed) {
            rightful.push(new);
        }
        let exposed = step.failed && step.new.as_ref().is_some_and(|new| !rightful.contains(&new));
        spans.push(Span { target: step.new.clone(), from: Some(step.time), to: None, exposed });
    }
    spans
}

/// So long, in the unit that suits it.
pub(crate) fn long(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=259_199 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str) -> Option<Target> {
        Some(Target { id: id.to_owned(), peeled: None })
    }

    fn step(hour: i64, old: Option<Target>, new: Option<Target>, failed: bool) -> Step {
        Step { time: Timestamp::from_second(hour * 3600).unwrap(), old, new, failed }
    }

    /// Hours from and to, and whether it was exposed.
    fn seen(steps: &[Step]) -> Vec<(Option<i64>, Option<i64>, bool)> {
        let hour = |time: Option<Timestamp>| time.map(|time| time.as_second() / 3600);
        spans(steps).iter().map(|span| (hour(span.from), hour(span.to), span.exposed)).collect()
    }

    #[test]
    fn a_tag_that_was_moved_and_moved_back_was_exposed_in_between() {
        let steps = [
            step(0, None, target("a"), false),
            step(10, target("a"), target("b"), true),
            step(48, target("b"), target("a"), true),
        ];
        assert_eq!(seen(&steps), [(Some(0), Some(10), false), (Some(10), Some(48), true), (Some(48), None, false)]);
    }

    #[test]
    fn what_came_before_the_record_is_a_span_without_a_beginning() {
        let steps = [step(10, target("a"), target("b"), true)];
        assert_eq!(seen(&steps), [(None, Some(10), false), (Some(10), None, true)]);
    }

    #[test]
    fn a_change_that_was_told_twice_is_one_and_a_deleted_ref_exposes_nobody() {
        let steps = [
            step(0, None, target("a"), false),
            step(1, target("a"), None, true),
            step(2, target("a"), None, true),
            step(3, target("a"), target("c"), true),
        ];
        assert_eq!(seen(&steps), [(Some(0), Some(1), false), (Some(1), Some(3), false), (Some(3), None, true)]);
    }

    #[test]
    fn what_the_policy_lets_move_exposes_nobody() {
        let steps = [step(0, None, target("a"), false), step(1, target("a"), target("b"), false)];
        assert!(spans(&steps).iter().all(|span| !span.exposed));
    }

    #[test]
    fn a_length_has_the_unit_that_suits_it() {
        assert_eq!([59, 300, 38 * 3600, 96 * 3600].map(long), ["59 s", "5 min", "38 h", "4 d"]);
    }
}
