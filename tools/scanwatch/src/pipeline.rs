//! What becomes of a file in the queue: opened, scanned, judged, told, and jailed where the verdict says so.

pub(crate) mod crawl;
pub(crate) mod engine_check;
mod engine_crashes;
mod first_sight;
mod in_flight;
mod open;
pub(crate) mod output;
mod scan_cache;
mod scan_pause;
pub(crate) mod shared;
pub(crate) mod worker;
