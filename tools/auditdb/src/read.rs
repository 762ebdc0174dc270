//! Reads the record: first the spool is folded, then the database is opened to read and nothing else.

mod events;
mod filter;
mod json;
mod open;
mod query;
pub(crate) mod show;
mod statement;
mod when;

pub(crate) use events::{events, explain};
pub(crate) use open::State;
pub(crate) use query::query;
pub(crate) use when::When;
