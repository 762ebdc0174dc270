//! Reads the file: its tree, with a place in the text for each value, and every fault at once.

pub(crate) mod document;
pub(crate) mod excerpt;
pub(crate) mod folder;
pub(crate) mod invalid;
pub(crate) mod schema;
pub(crate) mod section;
pub(crate) mod value;
