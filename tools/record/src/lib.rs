//! The record: one JSON object a line, the only thing the tools of Cellblock exchange.
//!
//! Field names are the Elastic Common Schema's (ECS 9, nested objects): a line lands in a SIEM with no glue. Each field
//! set is one typed struct in [`fields`]; what ECS has no word for is in [`cellblock`]. Nothing here is a map of
//! values: a name that is in no struct cannot be written. A line that carries one cannot be read back by mistake.
//!
//! - [`Record`] is a line, [`Event`] its heart, [`Action`] the list of all that can happen.
//! - [`Writer`] prints records, counts verdicts, and ends every run with `run-finished`.
//! - [`Lines`] reads records, bounded in length, with errors that name the line.
//! - [`Exit`] is the exit status that the counts lead to; [`main`] is what every tool's `main` calls.

mod action;
pub mod cellblock;
mod completions;
mod event;
mod exit;
pub mod fields;
mod fingerprint;
mod gate;
mod numbers;
mod output;
mod print;
mod reader;
mod record;
mod text;
mod timestamp;
mod writer;

pub use action::{Action, Provider};
pub use clap_complete::Shell;
pub use completions::completions;
pub use event::{Category, Event, Kind, Outcome, Severity, Type};
pub use exit::{Exit, OutputClosed, main, version};
pub use fingerprint::fingerprint;
pub use gate::{GATE, GateClass, GateCode};
pub use numbers::LineNumber;
pub use output::{Format, OutputArgs};
pub use print::print;
pub use reader::{Line, LineError, Lines, MAX_LINE};
pub use record::{ECS_VERSION, Ecs, Record};
pub use text::{escape, harmless, render, render_at};
pub use writer::{Purpose, Writer, unwritten};
