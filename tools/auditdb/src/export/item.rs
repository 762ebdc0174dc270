//! A record as the forms need it.

use anyhow::Result;
use duckdb::Row;
use jiff::Timestamp;

use crate::read::Filter;

/// What every export format takes of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) time: Timestamp,
    pub(super) id: Option<String>,
    pub(super) provider: String,
    pub(super) action: String,
    pub(super) kind: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) severity: u8,
    pub(super) rule: String,
    pub(super) rule_name: Option<String>,
    pub(super) container: Option<String>,
    pub(super) file: Option<String>,
    pub(super) subject: String,
    pub(super) message: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) fingerprint: String,
    pub(super) raw: String,
}

/// The statement that gives them, in the order of their time.
pub(super) fn select(filter: &Filter) -> String {
    format!(
        "SELECT epoch_us(time), id, coalesce(provider, ''), coalesce(action, ''), kind, outcome, coalesce(severity, 0), \
         coalesce(rule, ''), rule_name, container, file_path, subject, message, reason, fingerprint, raw \
         FROM judged WHERE {} ORDER BY time, seq",
        filter.condition()
    )
}

impl Item {
    /// Reads a row of that statement.
    pub(super) fn of(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            time: Timestamp::from_microsecond(row.get(0)?)?,
            id: row.get(1)?,
            provider: row.get(2)?,
            action: row.get(3)?,
            kind: row.get(4)?,
            outcome: row.get(5)?,
            severity: row.get(6)?,
            rule: row.get(7)?,
            rule_name: row.get(8)?,
            container: row.get(9)?,
            file: row.get(10)?,
            subject: row.get(11)?,
            message: row.get(12)?,
            reason: row.get(13)?,
            fingerprint: row.get(14)?,
            raw: row.get(15)?,
        })
    }

    /// Its verdict; the end of a run is none on anything.
    pub(super) fn verdict(&self) -> Option<&str> {
        self.outcome.as_deref().filter(|_| self.action != "run-finished")
    }

    /// Should a person look at it, whatever its verdict?
    pub(super) fn is_alert(&self) -> bool {
        self.kind.as_deref() == Some("alert") || self.severity >= 47
    }

    /// What it says, in a sentence.
    pub(super) fn said(&self) -> String {
        let message = self.message.as_deref().filter(|message| !message.is_empty()).unwrap_or(&self.action);
        self.reason.as_ref().map_or_else(|| message.to_owned(), |reason| format!("{message} ({reason})"))
    }
}
