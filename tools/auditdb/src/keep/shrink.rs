//! The database's file, made small again: DuckDB keeps the blocks of rows that are gone for rows to come.

use std::fs;

use anyhow::{Context, Result};
use duckdb::Connection;

use crate::database::{self, log_of};
use crate::store::Store;

/// Worth the writing: where more than one block in four is free, or one row in four gone. A row that is gone stays in
/// its block until all rows beside it are gone too.
const SHARE: u64 = 4;

const BLOCKS: &str =
    "SELECT total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = current_database()";
const ROWS: &str = "SELECT coalesce(sum(count), 0)::UBIGINT, (SELECT count(*) FROM records)::UBIGINT
    FROM pragma_storage_info('records') WHERE column_name = 'seq' AND segment_type = 'BIGINT'";

/// Is so much of the file free that it is worth writing anew?
pub(super) fn is_loose(connection: &Connection) -> Result<bool> {
    let two = |sql: &str| connection.query_row(sql, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)));
    let ((blocks, free), (stored, rows)) = (two(BLOCKS)?, two(ROWS)?);
    Ok(free * SHARE > blocks || stored.saturating_sub(rows) * SHARE > stored)
}

/// Writes the database anew beside the old one, and puts it in its place. Nobody has it open, and nobody gets it: the
/// caller holds the lock.
///
/// # Errors
/// If it cannot be written; the old one is then as it was.
pub(super) fn shrink(store: &Store) -> Result<()> {
    let (database, fresh) = (store.database(), store.directory().join("record.duckdb.new"));
    let clear = || [fresh.clone(), log_of(&fresh)].iter().for_each(|file| drop(fs::remove_file(file)));
    clear();
    let copied = database::copy(&database, &fresh).and_then(|()| {
        let said = || format!("{}: cannot be put in place", fresh.display());
        fs::File::open(&fresh)?.sync_all().with_context(said)?;
        fs::rename(&fresh, &database).with_context(said)?;
        tool::sync_folder(&database).with_context(said)
    });
    copied.inspect_err(|_| clear())
}
