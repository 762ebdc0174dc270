//! The front of a tool, as far as it is no part of the record: how a follower is told to end.
//!
//! `netguard` and `auditdb` stand behind it. `scanwatch` polls descriptors, and `sandboxctl` runs on tokio: each has its own.

mod stop;

pub use stop::Stop;
