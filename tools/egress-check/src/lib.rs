//! The inspector: tries to get out, and reports what it could do. See egress-check(1).
//!
//! The way of a probe: `policy` and `surroundings` → `plan` (a pure function) → [`line`] (as a person may
//! write it too) → `inspect` (asks at every `seat`, each on a thread that `enter`s its namespace) →
//! `wire` (one question, one `sight`) → `verdict` (pure again) → `report`.
//!
//! What is public is what reads bytes of others, so that it can be fuzzed: [`line::read`], [`dns_answer`] and
//! [`quic_answer`].

mod ask;
mod cli;
mod control;
mod devices;
mod dns_log;
mod docker;
mod enter;
mod inet6;
mod inspect;
mod judge;
mod label;
mod limit;
pub mod line;
mod moat;
mod mounts;
mod pin;
mod plan;
mod powers;
mod probe;
mod progress;
mod report;
mod resolv;
mod run;
mod seat;
mod sight;
mod surroundings;
mod verdict;
mod wire;

pub use probe::Probe;
pub use run::run;
pub use sight::Answer;
pub use wire::{dns_answer, quic_answer};
