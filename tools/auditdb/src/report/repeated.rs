//! Runs of which the record has the last line alone, for all else would have been said again.

use std::collections::BTreeMap;

use anyhow::Result;
use duckdb::Connection;

use super::checks::KEY;

/// When the newest run of each tool ended, by the tool's name. A run that checked nothing repeats nothing.
///
/// # Errors
/// What the database says.
pub(super) fn repeated(connection: &Connection) -> Result<BTreeMap<String, i64>> {
    let sql = format!(
        "WITH newest AS (
             SELECT max({KEY}) AS key FROM records
             WHERE action = 'run-finished' AND provider IS NOT NULL GROUP BY provider
         )
         SELECT provider, epoch_us(time) FROM records
         WHERE action = 'run-finished' AND rowid IN (SELECT (key % 1099511627776)::BIGINT FROM newest)
           AND TRY_CAST(raw->>'$.cellblock.counts.checked' AS BIGINT) > 0"
    );
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}
