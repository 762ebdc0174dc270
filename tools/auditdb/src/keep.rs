//! Keeps the record in order: proves that it is whole, makes its database again, and lets go of what is old.

pub(crate) mod expired;
pub(crate) mod old;
pub(crate) mod prove;
pub(crate) mod prune;
pub(crate) mod rebuild;
mod shrink;
mod unsigned;
pub(crate) mod verify;
mod walk;
mod witness;
