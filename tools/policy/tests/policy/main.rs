//! The policy from outside: what loads, what is refused, and with which words.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows these in test functions; the helpers beside them are tests as well"
)]

mod ceiling;
mod cell;
mod derived;
mod errors;
mod gate;
mod hostile;
mod load;
mod man;
mod moat;
mod networks;
mod sample;
mod services;
