//! Lines that have no row of their own, because they came before: the row is the first one's. All are asked for at
//! once, for a question a line would read the table as often.

use std::collections::HashSet;

use anyhow::Result;
use duckdb::{Connection, params};

use crate::chain::Link;

/// So many are asked for together.
const MOST: usize = 200_000;
/// The rows that can be theirs, by their ids, which come as hex digits with commas between.
const ROWS: &str = "
SELECT provider, id, sha256(raw) FROM records
SEMI JOIN (SELECT DISTINCT decode(unhex(part)) AS id FROM (SELECT unnest(string_split(?, ',')) AS part)) asked USING (id)";

/// A line that must have come before.
#[derive(Debug)]
struct Repeat {
    segment: String,
    position: u64,
    id: String,
    what: Link,
}

/// The lines whose rows are not found yet.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<Repeat>);

impl Repeats {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Forgets all but the first so many: the others are looked at again.
    pub(super) fn keep(&mut self, first: usize) {
        self.0.truncate(first);
    }

    /// Notes a line, where it stands and whose it is.
    pub(super) fn note(&mut self, segment: &str, position: u64, provider: Option<&str>, id: &str, raw: &str) {
        let what = what(provider, id, &Link::first(raw.as_bytes()).to_string());
        self.0.push(Repeat { segment: segment.to_owned(), position, id: id.to_owned(), what });
    }

    /// Are they so many that they should be asked for?
    pub(super) fn are_many(&self) -> bool {
        self.count() >= MOST
    }

    /// Asks for their rows: the segment and place of each line that has none, in their order. None is left.
    pub(super) fn missing(&mut self, connection: &Connection) -> Result<Vec<(String, u64)>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<String> = self.0.iter().map(|repeat| hex::encode(&repeat.id)).collect();
        let mut statement = connection.prepare(ROWS)?;
        let mut rows = statement.query(params![asked.join(",")])?;
        let mut found = HashSet::new();
        while let Some(row) = rows.next()? {
            let provider: Option<String> = row.get(0)?;
            let (id, raw): (String, Option<String>) = (row.get(1)?, row.get(2)?);
            found.insert(what(provider.as_deref(), &id, &raw.unwrap_or_default()));
        }
        let missing = self.0.drain(..).filter(|repeat| !found.contains(&repeat.what));
        Ok(missing.map(|repeat| (repeat.segment, repeat.position)).collect())
    }
}

/// One value for a provider, an id and the hash of a line.
fn what(provider: Option<&str>, id: &str, raw: &str) -> Link {
    let known = [u8::from(provider.is_some())];
    Link::over(&[&known, provider.unwrap_or_default().as_bytes(), &[0], id.as_bytes(), &[0], raw.as_bytes()])
}
