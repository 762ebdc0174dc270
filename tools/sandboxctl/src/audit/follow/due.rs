//! What is to be audited, and when: as soon as it is calm, and however much goes on, soon after the first change.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::super::Scope;

/// How long nothing may change before what has changed is audited: a start is several events.
const CALM: Duration = Duration::from_millis(100);

/// How long an audit may be put off by changes that do not end.
const LONGEST_DELAY: Duration = Duration::from_millis(400);

/// What an event may have changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Changed {
    /// One container, by name or id.
    Container(String),
    /// A network of ours, whose members the controls of several containers look at.
    All,
}

impl Changed {
    /// The audit that looks at it.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::Container(name) => Scope::Changed(name.clone()),
            Self::All => Scope::Composition,
        }
    }
}

/// What is to be audited. Only changes move the clock: what else the engine does puts nothing off.
#[derive(Debug, Default)]
pub(super) struct Due {
    times: Option<(Instant, Instant)>,
    what: BTreeSet<Changed>,
}

impl Due {
    /// Notes a change; its time moves the clock.
    pub(super) fn add(&mut self, changed: Changed, now: Instant) {
        self.what.insert(changed);
        let (first, _) = self.times.unwrap_or((now, now));
        self.times = Some((first, now));
    }

    /// Is this to be audited?
    pub(super) fn has(&self, changed: &Changed) -> bool {
        self.what.contains(changed)
    }

    /// When; nothing where nothing changed.
    pub(super) fn at(&self) -> Option<Instant> {
        self.times.map(|(first, last)| (last + CALM).min(first + LONGEST_DELAY))
    }

    /// Takes what can be audited now: at most `room`, and nothing of which an audit is under way. The rest stays due.
    pub(super) fn take(&mut self, busy: &BTreeSet<Changed>, room: usize, now: Instant) -> Vec<Changed> {
        let taken: Vec<Changed> = self.what.difference(busy).take(room).cloned().collect();
        self.what.retain(|changed| !taken.contains(changed));
        self.times = (!self.what.is_empty()).then_some((now, now));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str) -> Changed {
        Changed::Container(name.to_owned())
    }

    #[test]
    fn several_changes_of_one_start_are_one_audit_when_it_is_calm() {
        let (mut due, begin) = (Due::default(), Instant::now());
        assert_eq!(due.at(), None);
        due.add(container("cell"), begin);
        due.add(container("cell"), begin + CALM / 2);
        assert_eq!(due.at(), Some(begin + CALM / 2 + CALM));
        assert_eq!(due.take(&BTreeSet::new(), 4, begin), [container("cell")]);
        assert_eq!(due.at(), None);
    }

    #[test]
    fn changes_without_end_put_no_audit_off() {
        let (mut due, begin) = (Due::default(), Instant::now());
        for number in 0..100 {
            due.add(Changed::All, begin + CALM / 2 * number);
        }
        assert_eq!(due.at(), Some(begin + LONGEST_DELAY));
    }

    #[test]
    fn what_is_being_audited_is_due_again_afterwards() {
        let (mut due, begin) = (Due::default(), Instant::now());
        due.add(container("cell"), begin);
        due.add(container("other"), begin);
        assert_eq!(due.take(&[container("cell")].into(), 4, begin), [container("other")]);
        assert!(due.has(&container("cell")) && due.at() > Some(begin));
        assert_eq!(due.take(&BTreeSet::new(), 0, begin), []);
        assert!(due.has(&container("cell")));
    }
}
