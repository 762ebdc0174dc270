//! The inspector: tries to get out, and reports what it could do. See egress-check(1).
//!
//! The way of a probe: the policy and the `host` → `plan` (a pure function) → [`mod@line`] (as a person may write it
//! too) → `inspect` (asks at every `namespace::vantage`, each on a thread that enters it) → `wire` (one question, one
//! `probe::observation`) → `verdict` (pure again) → `evaluation` → `report`.
//!
//! What is public is what reads bytes of others, so that it can be fuzzed: [`line::read`], [`dns_answer`] and
//! [`quic_answer`].

mod address;
mod cli;
mod commands;
mod evaluation;
mod host;
mod inspect;
mod limit;
mod namespace;
mod pin;
mod plan;
mod probe;
mod progress;
mod report;
mod run;
mod tls;
mod verdict;
mod wire;

pub use probe::observation::Answer;
pub use probe::{Probe, line};
pub use run::run;
pub use wire::{dns_answer, quic_answer};
