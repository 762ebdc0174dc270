//! Reads the record: first the spool is folded, then the database is opened to read and nothing else.

mod broken;
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

pub(crate) use broken::put_aside;
pub(crate) use filter::{Filter, Filters, check_pattern};
pub(crate) use open::{Reading, State, open};
pub(crate) use page::{Page, Shape, width};
pub(crate) use query::{Query, query};
pub(crate) use reached::Reached;
pub(crate) use wake::Wake;
