//! Dies where a test says, the way a power cut would: SIGKILL, nothing flushed, nothing cleaned up.
//! The order of the steps is a promise (see [`crate::jail`]), and this is how it is held to it.

use std::sync::OnceLock;

use clap::ValueEnum;
use rustix::process::{Signal, getpid, kill_process};

/// The steps of taking a file away; each is a moment after which a crash must be harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The copy is in the jail, its facts are not.
    Copied,
    /// The facts are there, the original is untouched.
    Committed,
    /// The name is gone, the content is not.
    Removed,
    /// The content is gone, the tombstone is not there.
    Emptied,
    /// All is done, and not told.
    Marked,
    /// All records are written, and nothing notes that yet.
    Told,
}

static DEATH: OnceLock<Step> = OnceLock::new();

/// Sets where to die.
pub(crate) fn die_at(step: Step) {
    let _ = DEATH.set(step);
}

/// Called when a step is done. It ends the process if a test asked for that, and else does nothing.
pub(crate) fn reached(step: Step) {
    if DEATH.get() == Some(&step) {
        let _ = kill_process(getpid(), Signal::KILL);
    }
}
