//! `cellblock.*`: what ECS has no word for. One file for each tool's part.

use serde::{Deserialize, Serialize};

mod cell;
mod label;
mod moat;
mod probe;
mod reference;
mod report;
mod scan;
mod spool;

pub use cell::{Cell, Control, Service, Storage, Usage, Waived};
pub use label::Label;
pub use moat::{Moat, MoatAnswer, MoatCondition, MoatPort, MoatRule, MoatSet, MoatTally, MoatVerdict};
pub use probe::{Evidence, Expect, PinCheck, Probe, ProbeControl, ProbeKind};
pub use reference::{Reference, References, Target};
pub use report::Report;
pub use scan::Scan;
pub use spool::{Lost, Rejected, Spool};

/// How many checks a run made, and how they ended: in `run-finished`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Checks made: the sum of the other three.
    pub checked: u64,
    /// How many checks were as the policy says.
    pub passed: u64,
    /// Not as the policy says.
    pub failed: u64,
    /// Could not be evaluated.
    pub unknown: u64,
}

/// The Docker engine that the run asked: in `run-finished`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The id that the engine gave itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its version, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What a line says of itself that its source does not bear out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The `event.provider` that the line names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// The field set of our own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cellblock {
    /// Which line of its writer's it is: the run, 12 hex digits, and the line's number in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The counts of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// The engine that a run asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// What a line claims, where `auditdb events` shows it under the source that vouches for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// A rule or a set of the moat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moat: Option<Moat>,
    /// A try to get out, planned or evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// A certificate held against its pins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinCheck>,
    /// What the warden found out about a file, a queue or the jail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<Scan>,
    /// The exact bytes of `file.path`, in base64 (RFC 4648 §4), where they are no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// The cell's keeper: a service, a control, a certificate or a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// A ref of a watched repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// What a round found in a watched repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<References>,
    /// What a model called a change of a ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// A part of a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// A part of the spool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<Spool>,
    /// Lines that never came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// A line that is no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// A person's way out of a finding: what to do, as a command where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}
