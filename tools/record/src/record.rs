//! One line of the record.

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cellblock::Cellblock;
use crate::event::{Category, Event, Kind, Outcome, Severity, Type};
use crate::fields::{
    Container, Dns, Endpoint, Error, File, Host, Http, Network, Process, Rule, Tls, Url, Vulnerability,
};
use crate::{Action, Provider, timestamp};

/// The version of the Elastic Common Schema that the field names are taken from.
pub const ECS_VERSION: &str = "9.2.0";

/// `ecs.*`: which version of the schema the line follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ecs {
    /// Always [`ECS_VERSION`] in what we write.
    pub version: String,
}

/// One record: a line of JSON. Field sets that do not apply are absent, never null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// When it happened, UTC, to the microsecond.
    #[serde(rename = "@timestamp", with = "timestamp")]
    pub timestamp: Timestamp,
    /// `ecs.*`: the version of the schema.
    pub ecs: Ecs,
    /// What happened, and the verdict.
    pub event: Event,
    /// One sentence for a person.
    #[serde(default)]
    pub message: String,
    /// The file it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// The rule, signature or control that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The container it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// `source.*`: who opened the connection, or asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Endpoint>,
    /// `destination.*`: whom it was opened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Endpoint>,
    /// `network.*`: the family, the transport, the protocol and the direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// `dns.*`: the name that was asked for, and the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// `tls.*`: the name that the client sent, and the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// `url.*`: the address that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// `http.*`: the request and its response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// `host.*`: the machine that the line is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// `process.*`: the process that the line is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// `error.*`: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// `vulnerability.*`: the weakness that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability>,
    /// What ECS has no word for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cellblock: Option<Cellblock>,
}

impl Record {
    /// The line, without its break. No type parameter: what it takes is compiled here and not in each tool.
    ///
    /// # Errors
    /// None that is known; they are JSON's own.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string(self).context("a record could not be written as JSON")
    }

    /// A line read back.
    ///
    /// # Errors
    /// If it is no record, with the column.
    pub fn from_json(line: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line)
    }

    /// A record of now, with an id of its own and nothing in it but what happened.
    #[must_use]
    pub fn new(provider: Provider, action: Action, message: impl Into<String>) -> Self {
        let event = Event {
            id: Uuid::now_v7().to_string(),
            provider: provider.name().to_owned(),
            action: action.name().to_owned(),
            kind: Kind::Event,
            category: Vec::new(),
            kinds: Vec::new(),
            outcome: None,
            severity: Severity::Informational,
            reason: None,
            original: None,
            start: None,
            end: None,
            duration: None,
        };
        Self {
            timestamp: Timestamp::now(),
            ecs: Ecs { version: ECS_VERSION.to_owned() },
            event,
            message: message.into(),
            file: None,
            rule: None,
            container: None,
            source: None,
            destination: None,
            network: None,
            dns: None,
            tls: None,
            url: None,
            http: None,
            host: None,
            process: None,
            error: None,
            vulnerability: None,
            cellblock: None,
        }
    }

    /// Sets what sort of record this is.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.event.kind = kind;
        self
    }

    /// Adds what the record is about and what sort of thing happened.
    #[must_use]
    pub fn about(mut self, category: Category, kind: Type) -> Self {
        self.event.category.push(category);
        self.event.kinds.push(kind);
        self
    }

    /// Sets `event.outcome`: success, failure or unknown.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.event.outcome = Some(outcome);
        self
    }

    /// Sets how bad it is.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.event.severity = severity;
        self
    }

    /// Sets `event.reason`: why, in a sentence.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.event.reason = Some(reason.into());
        self
    }

    /// The part of our own, made where it is not there yet.
    pub fn own(&mut self) -> &mut Cellblock {
        self.cellblock.get_or_insert_default()
    }
}
