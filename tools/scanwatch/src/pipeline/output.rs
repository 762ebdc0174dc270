//! The one writer of many threads. When it cannot write any more, the run ends: a warden whose records go nowhere must
//! not go on as if somebody knew.

use std::sync::{Mutex, PoisonError};

use record::{Outcome, Record};
use tool::{Exit, Writer};

use crate::stop::Stop;

#[derive(Debug)]
struct State {
    writer: Writer,
    failed: Option<anyhow::Error>,
}

/// Where records go, from any thread.
#[derive(Debug)]
pub(crate) struct Output {
    state: Mutex<State>,
}

impl Output {
    pub(crate) fn new(writer: Writer) -> Self {
        Self { state: Mutex::new(State { writer, failed: None }) }
    }

    /// Prints a record. `counted` is how it counts as a check, where it is one. A failure ends the run.
    /// Says whether it was written.
    pub(crate) fn write(&self, record: &Record, counted: Option<Outcome>, stop: &Stop) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return false;
        }
        if let Some(outcome) = counted {
            state.writer.count(outcome);
        }
        if let Err(error) = state.writer.write(record) {
            state.failed = Some(error);
            stop.raise();
            return false;
        }
        true
    }

    /// Counts a check that gets no line.
    pub(crate) fn count(&self, outcome: Outcome) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).writer.count(outcome);
    }

    /// Ends the run with an error, which `finish` returns.
    pub(crate) fn fail(&self, error: anyhow::Error, stop: &Stop) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failed.get_or_insert(error);
        stop.raise();
    }

    /// `run-finished`, or the error that ended the run.
    pub(crate) fn finish(self) -> anyhow::Result<Exit> {
        let State { writer, failed } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(error) => Err(error),
            None => writer.finish(),
        }
    }
}
