//! The tables. No primary key and no index: DuckDB checks them on every row. They would give that a line is there only
//! once: the fold gives that for a thousandth of the price.

use std::path::Path;

use anyhow::{Result, bail};
use duckdb::Connection;

/// Raised whenever the tables change; an older database is made again from the spool.
const VERSION: i64 = 1;

// What differs from row to row is compressed in one way: to try all of them took longer than all that the line itself
// costs (measured). zstd makes a quarter of what FSST does (measured too). An id is mostly chance: half of it would go,
// for more time than anything but zstd itself takes. A database that is there keeps its own until it is written anew.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS about (version BIGINT);
INSERT INTO about SELECT 1 WHERE NOT EXISTS (FROM about);
CREATE TABLE IF NOT EXISTS segments (
    number UINTEGER, name VARCHAR, position UBIGINT, head VARCHAR, lines UBIGINT, torn UBIGINT, damaged VARCHAR
);
CREATE TABLE IF NOT EXISTS records (
    seq BIGINT, time TIMESTAMP, received TIMESTAMP, provider VARCHAR, vouched BOOLEAN,
    id VARCHAR USING COMPRESSION uncompressed, action VARCHAR, kind VARCHAR, category VARCHAR, outcome VARCHAR, severity UTINYINT,
    reason VARCHAR, message VARCHAR USING COMPRESSION zstd, container VARCHAR, rule_id VARCHAR, rule_name VARCHAR, file_path VARCHAR USING COMPRESSION zstd,
    source_ip VARCHAR, destination_ip VARCHAR, destination_port USMALLINT, destination_domain VARCHAR,
    network VARCHAR, transport VARCHAR, url VARCHAR, method VARCHAR, status USMALLINT,
    segment UINTEGER, position UBIGINT, raw VARCHAR USING COMPRESSION zstd
);
";

/// Makes what is not there.
pub(super) fn ensure(connection: &Connection, path: &Path) -> Result<()> {
    connection.execute_batch(&format!("BEGIN; {TABLES} COMMIT"))?;
    check(connection, path)
}

/// Fills the database `fresh`, which is empty, with all that is in the database `old`.
pub(super) fn copy(connection: &Connection) -> duckdb::Result<()> {
    connection.execute_batch(&format!(
        "USE fresh; BEGIN; {TABLES} DELETE FROM about; INSERT INTO about FROM old.about;
         INSERT INTO segments FROM old.segments; INSERT INTO records FROM old.records; COMMIT;
         CHECKPOINT fresh; USE memory; DETACH fresh; DETACH old"
    ))
}

/// Is it a database of this version?
pub(super) fn check(connection: &Connection, path: &Path) -> Result<()> {
    let found: i64 = connection.query_row("SELECT max(version) FROM about", [], |row| row.get(0))?;
    if found != VERSION {
        bail!(
            "{}: its tables have version {found}, this auditdb knows {VERSION}; `auditdb rebuild` makes it again from the spool",
            path.display()
        );
    }
    Ok(())
}
