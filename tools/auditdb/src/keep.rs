//! Keeps the record in order: `verify`, `prove`, `rebuild` and `prune`.

mod aged;
mod key;
mod old;
mod prove;
mod prune;
mod rebuild;
mod shrink;
mod unsigned;
mod verify;
mod walk;
mod witness;

pub(crate) use key::key;
pub(crate) use prove::{prove, verify_proof};
pub(crate) use prune::prune;
pub(crate) use rebuild::rebuild;
pub(crate) use verify::verify;
