//! What is in the engine's hands, over all workers. Whoever writes the share may know something that kills the engine.
//! He sends it beside malware, again and again. So a death is held against a content only if nothing else was there.
//!
//! A trial has the engine for itself: it begins when all other flights have ended, and until it ends none begins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the engine may still read what we no longer wait for: clamd's own `MaxScanTime` is 120 s.
const STRAY: Duration = Duration::from_secs(180);

/// What nobody waits for any more, and the engine may read until then.
#[derive(Debug)]
struct Stray {
    sha256: Option<String>,
    until: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Each with whether it was alone all the time so far.
    flights: HashMap<u64, bool>,
    strays: Vec<Stray>,
    trial: bool,
    last: u64,
}

/// The flights of all workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<State>>);

/// Holds back all others until it is dropped.
#[derive(Debug)]
pub(crate) struct Trial(InFlight);

/// Something is in the engine's hands until this is dropped.
#[derive(Debug)]
pub(crate) struct Flying {
    in_flight: InFlight,
    number: u64,
    _trial: Option<Trial>,
}

impl InFlight {
    /// Does a trial have the engine for itself, or wait for that?
    pub(crate) fn is_held(&self) -> bool {
        self.lock().trial
    }

    /// Begins a flight. `None` while there is a trial.
    pub(crate) fn begin(&self) -> Option<Flying> {
        let mut state = self.lock();
        (!state.trial).then(|| self.launch(&mut state, None))
    }

    /// Begins a flight even beside a trial, which then proves nothing.
    pub(crate) fn begin_concurrent(&self) -> Flying {
        self.launch(&mut self.lock(), None)
    }

    /// Begins a trial: from now on no other flight begins. `None` while there is another.
    pub(crate) fn hold(&self) -> Option<Trial> {
        let mut state = self.lock();
        let is_free = !std::mem::replace(&mut state.trial, true);
        is_free.then(|| Trial(self.clone()))
    }

    fn launch(&self, state: &mut State, trial: Option<Trial>) -> Flying {
        let alone = state.flights.is_empty();
        state.flights.values_mut().for_each(|alone| *alone = false);
        state.last += 1;
        state.flights.insert(state.last, alone);
        Flying { in_flight: self.clone(), number: state.last, _trial: trial }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial {
    /// Have all other flights ended?
    pub(crate) fn is_alone(&self) -> bool {
        self.0.lock().flights.is_empty()
    }

    /// Begins the flight that it is about.
    pub(crate) fn begin(self) -> Flying {
        let in_flight = self.0.clone();
        in_flight.launch(&mut in_flight.lock(), Some(self))
    }
}

impl Flying {
    /// Was nothing but this content in the engine's hands since `began`, as far as we gave it?
    pub(crate) fn was_alone(&self, sha256: &str, began: Instant) -> bool {
        let state = self.in_flight.lock();
        let is_other = |stray: &Stray| stray.until > began && stray.sha256.as_deref() != Some(sha256);
        state.flights.get(&self.number) == Some(&true) && !state.strays.iter().any(is_other)
    }

    /// Nobody waits for it any more, and the engine may read it still.
    pub(crate) fn abandon(&self, sha256: Option<&str>, now: Instant) {
        let strays = &mut self.in_flight.lock().strays;
        // What ended longer ago than any flight lasts is in no answer's way.
        strays.retain(|stray| now < stray.until + STRAY * 2);
        strays.push(Stray { sha256: sha256.map(str::to_owned), until: now + STRAY });
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.0.lock().trial = false;
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.in_flight.lock().flights.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn during_a_trial_no_other_flight_begins_and_only_one_trial_at_a_time() {
        let in_flight = InFlight::default();
        let before = in_flight.begin();
        let trial = in_flight.hold().unwrap();
        assert!(in_flight.begin().is_none() && in_flight.hold().is_none() && !trial.is_alone());
        drop(before);
        assert!(trial.is_alone() && in_flight.is_held());
        let flying = trial.begin();
        assert!(flying.was_alone("a", Instant::now()) && in_flight.begin().is_none());
        drop(flying);
        assert!(!in_flight.is_held() && in_flight.begin().is_some());
    }

    #[test]
    fn a_flight_with_another_beside_it_is_not_alone_even_when_that_has_ended() {
        let (in_flight, now) = (InFlight::default(), Instant::now());
        let flying = in_flight.hold().unwrap().begin();
        drop(in_flight.begin_concurrent());
        assert!(!flying.was_alone("a", now));
        let second = in_flight.begin_concurrent();
        drop(flying);
        assert!(!second.was_alone("b", now));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_company_to_all_but_its_own_content() {
        let (in_flight, now) = (InFlight::default(), Instant::now());
        in_flight.begin_concurrent().abandon(Some("slow"), now);
        let flying = in_flight.begin_concurrent();
        assert!(flying.was_alone("slow", now) && !flying.was_alone("a", now));
        assert!(flying.was_alone("a", now + STRAY));
    }
}
