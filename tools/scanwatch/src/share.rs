//! The share, whose writer is an attacker: a way to a file in it that no link can bend, and the file held open.

pub(crate) mod blocking_open;
pub(crate) mod content;
pub(crate) mod directory;
pub(crate) mod file_state;
pub(crate) mod open_file;
