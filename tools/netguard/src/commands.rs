//! What each subcommand does, one file each.

pub(crate) mod apply;
pub(crate) mod denied;
pub(crate) mod explain;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod verify;
pub(crate) mod watch;
