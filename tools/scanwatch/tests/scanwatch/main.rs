//! `scanwatch` as it is built, against a real clamd with the signatures that the warden ships with.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that falls has failed")]

mod attack;
mod cli;
mod coverage;
mod crash;
mod database;
mod engine_crashes;
mod hash;
mod jail;
mod scan;
mod support;
mod watch;
