//! Keeps the record in order: `verify`, `rebuild` and `prune`.

mod note;
mod old;
mod prune;
mod rebuild;
mod verify;

pub(crate) use prune::prune;
pub(crate) use rebuild::rebuild;
pub(crate) use verify::verify;
