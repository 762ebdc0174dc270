//! The record: every line of every tool, in DuckDB. See auditdb(1).
//!
//! The way of a line: `ingest` judges it (`line`) and appends it to the `spool`, whose batches are chained and signed
//! for (`checkpoint`). `fold` brings it into the `database`, and `read`, `report`, `refs` and `export` ask that. `keep`
//! verifies, prunes and rebuilds. `commands` reads what the command line says, a file a subcommand, and has the rooms
//! do it.

mod chain;
mod checkpoint;
mod child;
mod cli;
mod commands;
mod database;
mod export;
mod fold;
pub mod fuzz;
mod ingest;
mod keep;
mod line;
mod merkle;
mod note;
mod plural;
mod read;
mod refs;
mod report;
mod rows;
mod run;
mod source;
mod spool;
mod store;
mod trust;
mod when;
mod whole;

pub use run::run;
