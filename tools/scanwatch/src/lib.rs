//! The warden: scans what is written to the share, and jails what is found. See scanwatch(1).
//!
//! The way of a file: `sources` (what the kernel tells, and walks) → `queue` → a worker of the `pipeline` (`open` holds
//! it, `clamd` judges it) → `jail` (out of reach, and kept) → `records` (the line).
//!
//! The rooms, each importing only those before it: `share` (a file below an attacker's folder), `sources`, `queue`,
//! `clamd`, `jail`, `records` (pure), `pipeline`, `watch` (the threads), `commands`.
//!
//! Two parsers read what others wrote, and are public so that they can be fuzzed: [`parse_reply`] and
//! [`Sidecar::parse`].

mod clamd;
mod cli;
mod commands;
mod failpoint;
mod jail;
mod pipeline;
mod queue;
mod records;
mod run;
mod share;
mod sources;
mod stop;
mod watch;

pub use clamd::{Answer, Garbled, parse_reply};
pub use jail::{BadSidecar, Sidecar};
pub use run::run;
