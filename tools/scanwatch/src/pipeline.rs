//! What becomes of a file in the queue: opened, scanned, judged, told, and jailed where the verdict says so.

pub(crate) mod crawl;
mod deaths;
pub(crate) mod engine_check;
mod first_sight;
mod in_hand;
mod open;
pub(crate) mod output;
mod scan_cache;
mod scan_pause;
pub(crate) mod shared;
pub(crate) mod worker;
