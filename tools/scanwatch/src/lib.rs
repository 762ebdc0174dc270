//! The warden: scans what is written to the share, and jails what is found. See scanwatch(1).
//!
//! The way of a file: `watch` (what the kernel tells, and walks) → `queue` → `lane` (`examine` opens it,
//! `clamd` judges it, `verdict` says what that means) → `quarantine` (out of reach) and `jail` (kept) →
//! `tell` (the record). What all threads share is the `court`.
//!
//! Two parsers read what others wrote, and are public so that they can be fuzzed: [`parse_reply`] and
//! [`Sidecar::parse`].

mod beside;
mod clamd;
mod cli;
mod court;
mod custody;
mod engine;
mod examine;
mod failpoint;
mod fanotify;
mod first_sight;
mod inotify;
mod jail;
mod known;
mod lane;
mod noted;
mod patience;
mod patrol;
mod place;
mod quarantine;
mod queue;
mod run;
mod scan;
mod self_test;
mod source;
mod stamp;
mod stop;
mod tell;
mod verdict;
mod voice;
mod walk;
mod watch;

pub use clamd::{Answer, Garbled, parse_reply};
pub use jail::{BadSidecar, Sidecar};
pub use run::run;
