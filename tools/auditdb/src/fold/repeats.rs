//! A line that comes twice is one line; two lines with one id are two, and a finding.

use anyhow::Result;
use duckdb::{Connection, params};
use record::{Action, Category, Kind, Provider, Record, Severity, Type};

/// What was found among new rows.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows dropped because source, id and content were there before.
    pub(super) repeats: u64,
    /// A record for each id that now stands on different lines.
    pub(super) clashes: Vec<Record>,
}

/// The ids of the new rows: how many, how many different ones, and between which they are.
const FRESH: &str =
    "SELECT count(id), count(DISTINCT (provider, id)), min(id), max(id) FROM records WHERE seq >= ? AND id IS NOT NULL";
/// Is any older row's id among them, as far as it sorts? Zone maps answer that for ids that grow with time.
const NEAR: &str = "SELECT EXISTS (FROM records WHERE seq < ? AND id BETWEEN ? AND ?)";

/// Ids that new rows share with any other row. Only id and provider of the old rows are read, and only
/// where DuckDB's zone maps say that the ids of the new rows can be: a `UUIDv7` grows with time.
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
pub(super) fn drop(connection: &Connection, first: i64) -> Result<Found> {
    if !is_suspect(connection, first)? {
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
fn is_suspect(connection: &Connection, first: i64) -> Result<bool> {
    let (ids, different, least, most): (u64, u64, Option<String>, Option<String>) =
        connection.query_row(FRESH, params![first], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(ids > different || connection.query_row(NEAR, params![first, least, most], |row| row.get(0))?)
}

fn clash(provider: &str, id: &str) -> Record {
    Record::new(Provider::Auditdb, Action::IdClashed, format!("Different lines of {provider} carry the id {id}."))
        .kind(Kind::Alert)
        .about(Category::Database, Type::Error)
        .severity(Severity::Medium)
        .reason("a writer reused an id, or somebody forged a line; all of them are kept")
}
