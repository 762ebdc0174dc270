//! The views that people ask by name, see `views.sql`.

use anyhow::{Context, Result};
use duckdb::Connection;

const VIEWS: &str = include_str!("views.sql");

/// Makes them for this connection alone: a file that is open to read gets nothing, and none that lies in it is
/// believed.
pub(super) fn make(connection: &Connection) -> Result<()> {
    connection.execute_batch(VIEWS).context("the views of the record cannot be made")
}
