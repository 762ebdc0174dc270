//! A line that comes twice is one line; two lines with one id are two, and a finding.

use std::hash::{BuildHasher, RandomState};

use anyhow::Result;
use duckdb::{Connection, params};
use record::{Action, Category, Kind, Provider, Record, Severity, Type};

/// The ids of new rows, noted as they come: DuckDB would read them again, and build a table of them to count them.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    hashes: Vec<u64>,
    /// With a key of this process, so that nobody can make ids that look alike.
    hash: RandomState,
    least: String,
    most: String,
}

impl Fresh {
    /// Notes the id of a row.
    pub(super) fn note(&mut self, provider: Option<&str>, id: &str) {
        if self.hashes.is_empty() {
            (self.least, self.most) = (id.to_owned(), id.to_owned());
        } else if id < self.least.as_str() {
            id.clone_into(&mut self.least);
        } else if id > self.most.as_str() {
            id.clone_into(&mut self.most);
        }
        self.hashes.push(self.hash.hash_one((provider, id)));
    }

    /// Can any of them stand twice among them?
    fn may_repeat(&mut self) -> bool {
        self.hashes.sort_unstable();
        self.hashes.windows(2).any(|pair| matches!(pair, [one, next] if one == next))
    }
}

/// What was found among new rows.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows dropped because source, id and content were there before.
    pub(super) repeats: u64,
    /// A record for each id that now stands on different lines.
    pub(super) clashes: Vec<Record>,
}

/// Is any older row's id among them, as far as it sorts? Zone maps answer that for ids that grow with time.
const NEAR: &str = "SELECT EXISTS (FROM records WHERE seq < ? AND id BETWEEN ? AND ?)";

/// Ids that new rows share with any other row. Of the old rows only id and provider are read. Even these only where
/// DuckDB's zone maps say that these ids can be: a `UUIDv7` grows with time.
const SUSPECTS: &str = "
CREATE OR REPLACE TEMP TABLE suspects AS
SELECT provider, id FROM records
SEMI JOIN (SELECT DISTINCT provider, id FROM records WHERE seq >= ? AND id IS NOT NULL) fresh USING (provider, id)
GROUP BY provider, id HAVING count(*) > 1";

const REPEATS: &str = "
DELETE FROM records WHERE seq IN (
    SELECT seq FROM (
        SELECT seq, row_number() OVER (PARTITION BY provider, id, sha256(raw) ORDER BY seq) AS nth
        FROM records SEMI JOIN suspects USING (provider, id))
    WHERE nth > 1 AND seq >= ?)";

const CLASHES: &str = "
SELECT provider, id FROM (
    SELECT provider, id, seq, row_number() OVER (PARTITION BY provider, id ORDER BY seq) AS nth
    FROM records SEMI JOIN suspects USING (provider, id))
WHERE nth > 1 AND seq >= ?
GROUP BY provider, id ORDER BY min(seq)";

/// Drops the repeats among the rows from number `first` on, and says which ids clash.
pub(super) fn drop(connection: &Connection, first: i64, fresh: Fresh) -> Result<Found> {
    if !is_suspect(connection, first, fresh)? {
        return Ok(Found::default());
    }
    connection.execute(SUSPECTS, params![first])?;
    let suspects: u64 = connection.query_row("SELECT count(*) FROM suspects", [], |row| row.get(0))?;
    if suspects == 0 {
        return Ok(Found::default());
    }
    let repeats = connection.execute(REPEATS, params![first])?;
    let mut statement = connection.prepare(CLASHES)?;
    let mut rows = statement.query(params![first])?;
    let mut clashes = Vec::new();
    while let Some(row) = rows.next()? {
        clashes.push(clash(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?));
    }
    Ok(Found { repeats: repeats as u64, clashes })
}

/// Can any id stand twice? The cheap question, whose answer is nearly always no.
fn is_suspect(connection: &Connection, first: i64, mut fresh: Fresh) -> Result<bool> {
    if fresh.hashes.is_empty() {
        return Ok(false);
    }
    if fresh.may_repeat() {
        return Ok(true);
    }
    Ok(connection.query_row(NEAR, params![first, fresh.least, fresh.most], |row| row.get(0))?)
}

fn clash(provider: &str, id: &str) -> Record {
    Record::new(Provider::Auditdb, Action::IdClashed, format!("Different lines of {provider} carry the id {id}."))
        .kind(Kind::Alert)
        .about(Category::Database, Type::Error)
        .severity(Severity::Medium)
        .reason("a writer reused an id, or somebody forged a line; all of them are kept")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database;
    use serde_json::Value;

    const GROUP: i64 = database::ROW_GROUP as i64;

    /// How many rows DuckDB reads for the cheap question about ids of this time that none has yet.
    fn rows_read(connection: &Connection, first: i64, time: i64) -> u64 {
        let ids = [format!("{time:08x}-y"), format!("{time:08x}-z")];
        let asked = format!("EXPLAIN (ANALYZE, FORMAT json) {NEAR}");
        let told: String = connection.query_row(&asked, params![first, ids[0], ids[1]], |row| row.get(1)).unwrap();
        let mut steps: Vec<Value> = vec![serde_json::from_str(&told).unwrap()];
        let mut rows = 0;
        while let Some(mut step) = steps.pop() {
            rows += step.get("operator_rows_scanned").and_then(Value::as_u64).unwrap_or(0);
            steps.extend(step["children"].take().as_array().cloned().unwrap_or_default());
        }
        rows
    }

    #[test]
    fn of_a_large_table_no_more_rows_are_read_for_repeats_than_of_a_small_one() {
        let folder = tempfile::tempdir().unwrap();
        let connection = database::open_to_write(&folder.path().join("record.duckdb")).unwrap();
        let filled = "INSERT INTO records (seq, id) SELECT ? + i, printf('%08x-%012x', ?, i) FROM range(?) t(i)";
        let read: Vec<u64> = (0..4)
            .map(|time| {
                connection.execute(filled, params![time * GROUP, time, GROUP]).unwrap();
                connection.execute_batch("CHECKPOINT").unwrap();
                rows_read(&connection, (time + 1) * GROUP, time)
            })
            .collect();
        assert!(read[0] > 0 && read.iter().all(|rows| *rows == read[0]), "{read:?}");
    }
}
