//! What each subcommand does, one file each.

pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod ingest;
pub(crate) mod key;
pub(crate) mod prove;
pub(crate) mod prune;
pub(crate) mod query;
pub(crate) mod rebuild;
pub(crate) mod refs;
pub(crate) mod report;
pub(crate) mod verify;
