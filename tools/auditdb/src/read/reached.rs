//! How far a follower has come, by places in the spool. A rebuild numbers all rows anew and a prune takes rows away,
//! but a line stays where it was written.

use std::collections::BTreeMap;

use anyhow::Result;
use duckdb::Connection;
use duckdb::types::Value;
use serde::{Deserialize, Serialize};

use super::filter::Filter;

/// For each segment the byte up to which its lines were shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reached {
    segments: BTreeMap<String, u64>,
    /// Rows that stand in no segment: what the fold itself had to say.
    placeless: u64,
}

impl Reached {
    /// How far the database reaches.
    pub(crate) fn of(connection: &Connection) -> Result<Self> {
        let mut statement = connection.prepare("SELECT name, position FROM segments")?;
        let mut rows = statement.query([])?;
        let mut segments = BTreeMap::new();
        while let Some(row) = rows.next()? {
            segments.insert(row.get(0)?, row.get(1)?);
        }
        let placeless =
            connection.query_row("SELECT count(*) FROM records WHERE segment IS NULL", [], |row| row.get(0))?;
        Ok(Self { segments, placeless })
    }

    /// What the database holds beyond this; `None` if that is nothing.
    pub(crate) fn beyond(&self, connection: &Connection) -> Result<Option<Filter>> {
        let now = Self::of(connection)?;
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for (name, position) in &now.segments {
            let seen = self.segments.get(name).copied().unwrap_or_default();
            if *position > seen {
                conditions.push("(segment = (SELECT number FROM segments WHERE name = ?) AND position >= ?)");
                values.extend([Value::Text(name.clone()), Value::UBigInt(seen)]);
            }
        }
        if now.placeless > self.placeless {
            conditions.push("seq IN (SELECT seq FROM records WHERE segment IS NULL ORDER BY seq OFFSET ?)");
            values.push(Value::UBigInt(self.placeless));
        }
        Ok((!conditions.is_empty()).then(|| Filter::new(conditions.join(" OR "), values)))
    }

    /// Takes in what the database reaches now. What is gone from it stays known: it may come back from a copy.
    pub(crate) fn go_on(&mut self, connection: &Connection) -> Result<()> {
        let now = Self::of(connection)?;
        for (name, position) in now.segments {
            let known = self.segments.entry(name).or_default();
            *known = position.max(*known);
        }
        self.placeless = now.placeless.max(self.placeless);
        Ok(())
    }
}
