//! The record: one JSON object a line, the only thing the tools of Cellblock exchange.
//!
//! Field names are the Elastic Common Schema's (ECS 9, nested objects): a line lands in a SIEM with no glue. Each field
//! set is one typed struct in [`fields`]; what ECS has no word for is in [`cellblock`]. Nothing here is a map of
//! values: a name that is in no struct cannot be written. A line that carries one cannot be read back by mistake.
//!
//! - [`Record`] is a line, [`Event`] its heart, [`Action`] the list of all that can happen.
//! - [`Lines`] reads records, bounded in length, with errors that name the line.
//! - [`LineNumber`] tells whether lines are gone, and [`fingerprint()`] that a finding is yesterday's.
//! - [`escape()`] makes what others wrote harmless on a terminal.
//!
//! How records are printed, and how a run ends, is the front door's: the crate `tool`.

mod action;
pub mod cellblock;
mod escape;
mod event;
pub mod fields;
mod fingerprint;
mod gate;
mod line_number;
mod reader;
mod record;
mod timestamp;

pub use action::{Action, Provider};
pub use escape::{escape, harmless};
pub use event::{Category, Event, Kind, Outcome, Severity, Type};
pub use fingerprint::fingerprint;
pub use gate::{GATE, GateClass, GateCode};
pub use line_number::LineNumber;
pub use reader::{Line, LineError, Lines, MAX_LINE};
pub use record::{ECS_VERSION, Ecs, Record};
