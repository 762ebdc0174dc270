//! Reads the record: first the spool is folded, then the database is opened to read and nothing else.

mod aside;
mod events;
mod filter;
mod json;
mod open;
mod page;
mod parquet;
mod query;
mod reached;
mod schema;
pub(crate) mod sheet;
pub(crate) mod show;
mod statement;
mod wake;

pub(crate) use aside::put_aside;
pub(crate) use events::events;
pub(crate) use filter::{Filter, check_pattern};
pub(crate) use open::{Reading, State, open};
pub(crate) use page::{Page, width};
pub(crate) use query::query;
pub(crate) use reached::Reached;
