//! The moat: a packet filter on the bridges of the policy's networks. See netguard(1).
//!
//! The way of a rule: `policy` → `plan` (every rule and set, a pure function) → `script` (nft's language) →
//! `transaction` (the kernel's own messages, all or none) → the kernel → `listing` (what nft prints of it) →
//! `verify` (held against the plan, again pure). `verdict` walks the same plan as the kernel does, for `explain`, for the reasons of
//! denied flows and for connections from before the rules.
//!
//! `backend` is the choice of who speaks to the kernel: `nft`, or `iptables` where there is no nft, which
//! says the same rules in other words and tells what it finds as the same facts.
//!
//! At the edge, one file each: `program` runs nft and its kin, `netlink` speaks to the kernel, `docker` asks
//! names.

mod backend;
mod bridge_rules;
mod clearance;
mod cli;
mod connections;
mod demand;
mod denied;
mod dialect;
mod docker;
mod events;
mod explain;
mod flows;
pub mod fuzz;
mod group;
mod herald;
mod iptables;
mod json;
mod judged;
mod kept;
mod lines;
mod listing;
mod lookout;
mod machine;
mod netlink;
mod nft;
mod owner;
mod pause;
mod permit;
mod plan;
mod program;
mod ready;
mod report;
mod role;
mod run;
mod saved;
mod script;
mod shadow;
mod stop;
mod table;
mod target;
mod text;
mod transaction;
mod verdict;
mod verify;
mod vocabulary;
mod watch;
mod ways_out;

pub use run::run;
