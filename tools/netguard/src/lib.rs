//! The moat: a packet filter on the bridges of the policy's networks. See netguard(1).
//!
//! The way of a rule: the policy → `rules::plan` (every rule and set, a pure function) → `backend` (nft's language and
//! the kernel's own messages, all or none; or iptables' words where there is no nft) → the kernel → `backend::ruleset`
//! (what it holds) → `verify` (held against the plan, again pure). `rules::evaluate` walks the same plan as the kernel
//! does: for `explain`, for the reasons of denied flows and for connections from before the rules.
//!
//! The rooms, each importing only those before it: `rules`, `host`, `backend`, `verify`, `bypass`, `report`, `watch`,
//! `cli`, `commands`. `host` is this machine, at the edge. `bypass` is what defeats the moat although every rule
//! stands.

mod backend;
mod bypass;
mod cli;
mod commands;
pub mod fuzz;
mod host;
mod report;
mod rules;
mod run;
mod verify;
mod watch;

pub use run::run;
