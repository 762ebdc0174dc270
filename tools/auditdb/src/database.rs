//! DuckDB at the edge: opening, locking, the tables.
//!
//! One process writes, and while it does nobody else even reads; and two that open it at once both get
//! an error. So the file lock in [`lock`] stands in front: shared for who reads, exclusive for who folds.

mod lock;
mod schema;
mod views;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duckdb::{AccessMode, Config, Connection};

pub(crate) use lock::Lock;

/// The most memory that folding may use.
const FOLDING: &str = "1GiB";

/// The form of a new file: the oldest in which DuckDB compresses what often recurs in one pass (`DICT_FSST`). Its older
/// dictionaries took a tenth of a fold's time more (measured).
const STORAGE: &str = "v1.3.0";

/// Rows in one of DuckDB's row groups. Each fold writes the last one anew, of 122,880 rows where nobody says otherwise.
/// A fold of few lines costs a sixth so, and a large one no more (measured). A multiple of 2,048 (DuckDB's manual,
/// "Storage").
pub(crate) const ROW_GROUP: u64 = 20_480;

/// How to mend a database of records that is broken.
const MEND: &str = "the database of the records is broken; `auditdb rebuild` makes it again from the spool";

/// DuckDB's log of a database.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    beside(database, "wal")
}

/// The database's path with this word behind it.
fn beside(database: &Path, word: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".{word}"));
    PathBuf::from(name)
}

/// Puts a database and DuckDB's log of it aside, under its name and this word behind it. Says where.
///
/// # Errors
/// If it cannot be renamed.
pub(crate) fn put_aside(database: &Path, word: &str) -> Result<PathBuf> {
    let aside = beside(database, word);
    for (from, to) in [(log_of(database), log_of(&aside)), (database.to_owned(), aside.clone())] {
        if from.symlink_metadata().is_ok() {
            fs::rename(&from, &to).with_context(|| format!("{}: cannot be put aside", from.display()))?;
        }
    }
    Ok(aside)
}

/// Opens the record's database to write, and makes its tables where they are not there.
pub(crate) fn open_to_write(path: &Path) -> Result<Connection> {
    let connection = open_writable(path, FOLDING, schema::TABLES).map_err(mended)?;
    schema::ensure(&connection, path)?;
    Ok(connection)
}

/// Opens the record's database to read. `memory` is DuckDB's way to write a size.
pub(crate) fn open_to_read(path: &Path, memory: &str) -> Result<Connection> {
    let connection = open(path, memory).map_err(mended)?;
    schema::check(&connection, path).map_err(mended)?;
    views::make(&connection)?;
    Ok(connection)
}

/// Opens the record's database to hold its rows against their lines, in their order. One thread: others would wait for
/// the one that compares, and cost more than they take off it (measured).
pub(crate) fn open_to_check(path: &Path, memory: &str) -> Result<Connection> {
    let config = Config::default().access_mode(AccessMode::ReadOnly)?.threads(1)?;
    let connection = opened(path, closed(config, memory)?.enable_external_access(false)?).map_err(mended)?;
    schema::check(&connection, path)?;
    Ok(connection)
}

/// Opens the record's database to read, for a statement of our own that writes below one folder and nowhere else. No
/// statement of a user's may run on it.
pub(crate) fn open_to_export(path: &Path, folder: &str, memory: &str) -> Result<Connection> {
    let config = closed(Config::default().access_mode(AccessMode::ReadOnly)?, memory)?;
    let connection = opened(path, config).map_err(mended)?;
    schema::check(&connection, path)?;
    lock_but(&connection, "allowed_directories", folder)?;
    Ok(connection)
}

/// A database in memory, from which a statement of our own writes this one file.
pub(crate) fn open_to_write_file(file: &str, memory: &str) -> Result<Connection> {
    let connection = Connection::open_in_memory_with_flags(closed(Config::default(), memory)?)?;
    lock_but(&connection, "allowed_paths", file)?;
    Ok(connection)
}

/// Writes a database anew, without what DuckDB keeps free in it.
///
/// # Errors
/// If the old one cannot be read or the new one not written.
pub(crate) fn copy(old: &Path, fresh: &Path) -> Result<()> {
    let connection = Connection::open_in_memory_with_flags(closed(Config::default().threads(1)?, FOLDING)?)?;
    let attached = connection.execute_batch(&format!(
        "ATTACH '{}' AS old (READ_ONLY); {}; SET enable_external_access = false",
        quoted(old)?,
        attach(fresh, "fresh")?
    ));
    let written = attached.and_then(|()| schema::copy(&connection));
    written.map_err(|error| anyhow::anyhow!("{}: cannot be written: {}", fresh.display(), brief(&error)))
}

/// The statement that attaches a file to write to under this name, and makes it where it is not there.
fn attach(path: &Path, name: &str) -> Result<String> {
    let path = quoted(path)?;
    Ok(format!("ATTACH '{path}' AS {name} (STORAGE_VERSION '{STORAGE}', ROW_GROUP_SIZE {ROW_GROUP})"))
}

/// A path as it stands between the quotes of a statement.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{}: DuckDB wants a path in UTF-8", path.display()))?;
    Ok(text.replace('\'', "''"))
}

/// Lets a connection reach one place beside its own file, and nobody can change that later.
fn lock_but(connection: &Connection, setting: &str, place: &str) -> Result<()> {
    // Rows of one folder need few files at a time, and each holds what it has not written yet.
    let frugal =
        "SET threads = 2; SET partitioned_write_flush_threshold = 65536; SET partitioned_write_max_open_files = 16";
    connection.execute_batch(&format!(
        "{frugal}; SET {setting} = ['{place}']; SET enable_external_access = false; SET lock_configuration = true"
    ))?;
    Ok(())
}

/// Opens any database of ours to read. It reaches no other file, loads nothing, and nobody can change that later.
pub(crate) fn open(path: &Path, memory: &str) -> Result<Connection> {
    // In this order: without external access nobody names a folder any more, not even none.
    let config = Config::default().access_mode(AccessMode::ReadOnly)?;
    let connection = opened(path, closed(config, memory)?.enable_external_access(false)?)?;
    connection.execute_batch("SET lock_configuration = true")?;
    Ok(connection)
}

/// Makes a database with these tables under another name, and gives it its own when it is whole. Whoever is killed in
/// between leaves none that looks broken.
fn begin(path: &Path, memory: &str, tables: &str) -> Result<()> {
    let draft = beside(path, "new");
    // What a killed one left, and the log of a database that is gone: DuckDB would take it for the new one's.
    for left in [log_of(&draft), draft.clone(), log_of(path)] {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{}: cannot be removed", left.display()));
            }
            _ => {}
        }
    }
    attached(&draft, memory)?.execute_batch(&format!("BEGIN; {tables}; COMMIT; CHECKPOINT"))?;
    fs::rename(&draft, path).with_context(|| format!("{}: cannot be made", path.display()))
}

/// The same to write. Only a database that is attached has the row groups that we want. Lines come in one after the
/// other: a second thread only costs the tools that write them (measured).
///
/// # Errors
/// If it cannot be opened, or made with these tables where it is not there.
pub(crate) fn open_writable(path: &Path, memory: &str, tables: &str) -> Result<Connection> {
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        begin(path, memory, tables)?;
    }
    attached(path, memory)
}

fn attached(path: &Path, memory: &str) -> Result<Connection> {
    let connection = Connection::open_in_memory_with_flags(closed(Config::default().threads(1)?, memory)?)?;
    let attached = connection.execute_batch(&attach(path, "record")?);
    explained(path, attached)?;
    connection.execute_batch("USE record; SET enable_external_access = false; SET lock_configuration = true")?;
    Ok(connection)
}

/// No folder for what does not fit into memory, no extension, so much memory.
fn closed(config: Config, memory: &str) -> Result<Config> {
    let config = config.with("temp_directory", "")?.enable_autoload_extension(false)?;
    config.with("memory_limit", memory).context("--memory is a size such as 512MiB or 2GiB")
}

fn opened(path: &Path, config: Config) -> Result<Connection> {
    explained(path, Connection::open_with_flags(path, config))
}

/// What opening a file came to, in words for a person.
fn explained<T>(path: &Path, opened: duckdb::Result<T>) -> Result<T> {
    match opened {
        Err(error) if is_locked(&error) => {
            bail!("{}: another program has it open ({}); end that and try again", path.display(), brief(&error))
        }
        opened => opened.with_context(|| format!("{}: cannot be opened", path.display())),
    }
}

/// What DuckDB says of a file that is broken, cut off, of another program, or no file at all.
const BROKEN: [&str; 11] = [
    "orrupt",
    "not a valid DuckDB",
    "Serialization Error",
    "checksum",
    "version number",
    "INTERNAL",
    "Could not read enough bytes",
    "Is a directory",
    "Cannot access file",
    "Catalog Error",
    "replaying WAL",
];

/// Is it the file that is broken? A slip of the pen, a missing permission or a full disk is not mended by another one.
pub(crate) fn is_broken(error: &anyhow::Error) -> bool {
    what_broke(error).is_some()
}

/// What DuckDB says of a file that is broken.
pub(crate) fn what_broke(error: &anyhow::Error) -> Option<String> {
    let said = error.chain().find_map(|cause| cause.downcast_ref::<duckdb::Error>()).map(brief)?;
    BROKEN.iter().any(|word| said.contains(word)).then_some(said)
}

/// Only a file that is broken is made again.
fn mended(error: anyhow::Error) -> anyhow::Error {
    if is_broken(&error) { error.context(MEND) } else { error }
}

fn is_locked(error: &duckdb::Error) -> bool {
    error.to_string().contains("Could not set lock")
}

/// The first line of what DuckDB says.
pub(crate) fn brief(error: &duckdb::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of each row group, as DuckDB's own view of the file has them.
    const GROUPS: &str = "SELECT row_group_id, sum(count)::UBIGINT FROM pragma_storage_info('records')
        WHERE column_name = 'seq' AND segment_type = 'BIGINT' GROUP BY ALL ORDER BY ALL";

    fn groups(database: &Connection) -> Vec<u64> {
        let mut statement = database.prepare(GROUPS).unwrap();
        statement.query_map([], |row| row.get(1)).unwrap().collect::<duckdb::Result<_>>().unwrap()
    }

    #[test]
    fn a_line_more_has_no_more_than_one_small_row_group_written_anew_in_a_copy_neither() {
        // A quote in its path ends no statement.
        let folder = tempfile::tempdir().unwrap();
        let (path, fresh) = (folder.path().join("it's a record.duckdb"), folder.path().join("fresh.duckdb"));
        let rows = 2 * ROW_GROUP + 1;
        let filled = format!("INSERT INTO records (seq) SELECT i FROM range({rows}) t(i); CHECKPOINT");
        open_to_write(&path).unwrap().execute_batch(&filled).unwrap();
        copy(&path, &fresh).unwrap();
        for path in [path, fresh] {
            assert_eq!(groups(&open_to_write(&path).unwrap()), [ROW_GROUP, ROW_GROUP, 1], "{}", path.display());
        }
    }

    #[test]
    fn a_database_with_the_row_groups_of_an_older_auditdb_takes_more_lines_and_loses_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.duckdb");
        let old = format!("{}; INSERT INTO records (seq) SELECT i FROM range(50000) t(i); CHECKPOINT", schema::TABLES);
        Connection::open(&path).unwrap().execute_batch(&old).unwrap();
        for part in 0..3 {
            let more =
                format!("INSERT INTO records (seq) SELECT 50000 + 10 * {part} + i FROM range(10) t(i); CHECKPOINT");
            open_to_write(&path).unwrap().execute_batch(&more).unwrap();
        }
        let read = open_to_read(&path, "1GiB").unwrap();
        let counted: (u64, u64) = read
            .query_row("SELECT count(*), count(DISTINCT seq) FROM records WHERE seq < 50030", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(counted, (50_030, 50_030));
    }
}
