//! What each subcommand does, one file each.

pub(crate) mod hash;
pub(crate) mod jail;
pub(crate) mod scan;
pub(crate) mod self_test;
pub(crate) mod watch;
