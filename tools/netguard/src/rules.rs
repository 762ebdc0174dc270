//! What should hold: every rule and set that a policy asks for, what a packet meets in them, and how they are written.
//! No room below this one, no I/O.

pub(crate) mod address_set;
mod bridge;
pub(crate) mod evaluate;
pub(crate) mod from_policy;
pub(crate) mod plan;
pub(crate) mod records;
pub(crate) mod role;
pub(crate) mod rule;
pub(crate) mod syntax;
pub(crate) mod table;
pub(crate) mod target;
mod validate;
