//! The subcommands, a file each.

pub(crate) mod pin;
pub(crate) mod plan;
pub(crate) mod run;
