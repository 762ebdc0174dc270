//! The refs of the rounds before, in a DuckDB database of their own: the monitor keeps it in a volume
//! that nothing else writes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use duckdb::types::{TimeUnit, Value};
use duckdb::{Connection, params};
use jiff::Timestamp;
use record::cellblock::Target;

use super::compare::{Before, Change};
use crate::database;

/// The most memory that a round may use.
const MEMORY: &str = "512MiB";

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS refs (
    repo VARCHAR, name VARCHAR, id VARCHAR, peeled VARCHAR, gone BOOLEAN, changed TIMESTAMP
)";

const FORGET: &str = "DELETE FROM refs WHERE repo = ? AND name IN (SELECT name FROM changed)";

/// The database of the refs.
#[derive(Debug)]
pub(crate) struct RefStore(Connection);

impl RefStore {
    /// Opens it, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = database::open_writable(path, MEMORY, TABLE)?;
        connection.execute_batch(TABLE).with_context(|| format!("{}: is no database of refs", path.display()))?;
        Ok(Self(connection))
    }

    /// The spelling under which a repository is known here, where it is.
    pub(crate) fn spelling(&self, url: &str) -> Result<Option<String>> {
        let mut statement = self.0.prepare("SELECT DISTINCT repo FROM refs ORDER BY repo = ? DESC, repo")?;
        let known = statement.query_map(params![url], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(known.into_iter().find(|known| policy::is_same_repository(known, url)))
    }

    /// The refs of a repository.
    pub(crate) fn load(&self, repo: &str) -> Result<BTreeMap<String, Before>> {
        let mut statement = self.0.prepare("SELECT name, id, peeled, gone FROM refs WHERE repo = ?")?;
        let mut rows = statement.query(params![repo])?;
        let mut before = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let target = Target { id: row.get(1)?, peeled: row.get(2)? };
            before.insert(row.get(0)?, Before { target, gone: row.get(3)? });
        }
        Ok(before)
    }

    /// Remembers the changes of a round, all at once.
    pub(crate) fn save(&mut self, repo: &str, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let now = Value::Timestamp(TimeUnit::Microsecond, Timestamp::now().as_microsecond());
        let transaction = self.0.transaction()?;
        transaction.execute_batch("CREATE OR REPLACE TEMP TABLE changed (name VARCHAR)")?;
        let mut names = transaction.appender("changed")?;
        changes.iter().try_for_each(|change| names.append_row(params![change.name]))?;
        names.flush()?;
        drop(names);
        transaction.execute(FORGET, params![repo])?;
        let mut rows = transaction.appender("refs")?;
        for change in changes {
            let Some(target) = change.new.as_ref().or(change.old.as_ref()) else { continue };
            let gone = change.new.is_none();
            rows.append_row(params![repo, change.name, target.id, target.peeled, gone, now.clone()])?;
        }
        rows.flush()?;
        drop(rows);
        transaction.commit()?;
        Ok(())
    }
}
