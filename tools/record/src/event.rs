//! `event.*`: what happened, how bad it is, and the verdict.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::timestamp;

/// ECS `event.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something that a person should look at.
    Alert,
    /// Something that happened, at one moment.
    #[default]
    Event,
    /// A number at a time.
    Metric,
    /// How something stands, checked or planned.
    State,
    /// The record itself could not be kept as it should be.
    PipelineError,
}

/// ECS `event.category`, as far as the tools need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are the schema's own: ECS 9, event.category")]
pub enum Category {
    Configuration,
    Database,
    File,
    Host,
    IntrusionDetection,
    Malware,
    Network,
    Process,
    Threat,
    Vulnerability,
    Web,
}

/// ECS `event.type`, as far as the tools need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are the schema's own: ECS 9, event.type")]
pub enum Type {
    Access,
    Allowed,
    Change,
    Connection,
    Creation,
    Deletion,
    Denied,
    End,
    Error,
    Indicator,
    Info,
    Protocol,
    Start,
}

/// ECS `event.outcome`: the verdict of a check, three-valued. What could not run is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as the policy says.
    Success,
    /// Not as the policy says.
    Failure,
    /// Could not be evaluated; `event.reason` says why.
    Unknown,
}

/// `event.severity`, on Elastic's scale of 0 to 99.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(into = "u8", from = "u8")]
pub enum Severity {
    /// Written as 0; read from 0 to 20.
    #[default]
    Informational,
    /// Written as 21; read from 21 to 46.
    Low,
    /// Written as 47; read from 47 to 72.
    Medium,
    /// Written as 73; read from 73 to 98.
    High,
    /// Written as 99; read from 99.
    Critical,
}

impl From<Severity> for u8 {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Informational => 0,
            Severity::Low => 21,
            Severity::Medium => 47,
            Severity::High => 73,
            Severity::Critical => 99,
        }
    }
}

impl From<u8> for Severity {
    /// The highest level that the number reaches.
    fn from(number: u8) -> Self {
        match number {
            0..=20 => Self::Informational,
            21..=46 => Self::Low,
            47..=72 => Self::Medium,
            73..=98 => Self::High,
            99.. => Self::Critical,
        }
    }
}

/// The heart of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// `UUIDv7` (RFC 9562), unique to the record.
    pub id: String,
    /// The tool that wrote the record.
    pub provider: String,
    /// What happened: past tense, kebab-case; the list is [`crate::Action`].
    pub action: String,
    /// What sort of record this is.
    pub kind: Kind,
    /// What the record is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<Category>,
    /// What sort of thing happened.
    #[serde(default, rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Type>,
    /// The verdict, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How bad it is.
    pub severity: Severity,
    /// Why: of a verdict that is not a success, or of an act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The line as it came in, where `auditdb events` had to show it under another source than it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// When it began, where the record's own time is its end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    pub start: Option<Timestamp>,
    /// When it ended, where that is not the record's own time.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    pub end: Option<Timestamp>,
    /// How long it took, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
}
