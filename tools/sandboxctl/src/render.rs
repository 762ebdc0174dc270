//! The policy turned into what other programs read. Each part is a pure function.

pub(crate) mod compose;
pub(crate) mod networks;
pub(crate) mod paths;
