//! Parquet, in a folder by day and provider as Hive names them (`day=2026-11-29/provider=netguard/`). DuckDB, Spark,
//! Trino and `ClickHouse` read them as one table. DuckDB writes it, on a connection that no statement of a user's runs
//! on.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use duckdb::params_from_iter;
use rustix::fs::{Mode, OFlags};

use crate::database;
use crate::read::Filter;
use crate::store::Store;
use crate::whole;

/// The most memory that the writing may use.
const MEMORY: &str = "768MiB";
/// What a file is called until it counts, so that nobody's `**/*.parquet` reads it.
const DRAFT: &str = "part";
/// Where the files stand below a draft: DuckDB writes into folders that it makes itself.
const FILES: &str = "files";

/// All columns but the three that say where a line stands in this very database. Day and provider are in the path
/// alone: Spark and Trino take no column from both.
const COLUMNS: &str = "SELECT * EXCLUDE (seq, segment, position), time::DATE AS day FROM records";

/// Writes a whole folder, which is there as a whole or not at all. Says how many records.
///
/// # Errors
/// If something is in the folder already, or it cannot be written.
pub(super) fn write(store: &Store, filter: &Filter, folder: &Path) -> Result<u64> {
    let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !taken && (!folder.exists() || folder.is_dir()),
        "{}: something is there already, and would be read twice; name another folder, or use --since-last",
        folder.display()
    );
    let draft = whole::part_of(folder)?;
    let done = fill(store, filter, &draft, "cellblock").and_then(|count| {
        name_all(&draft)?;
        whole::put(&draft.join(FILES), folder)?;
        Ok(count)
    });
    remove(&draft)?;
    done
}

/// Fills a draft with files whose names begin so, and brings them to the disk.
///
/// # Errors
/// If the database cannot be read or the draft not written.
pub(super) fn fill(store: &Store, filter: &Filter, draft: &Path, name: &str) -> Result<u64> {
    let said = || format!("{}: cannot be written", draft.display());
    remove(draft)?;
    DirBuilder::new().mode(0o700).create(draft).with_context(said)?;
    DirBuilder::new().mode(0o700).create(draft.join(FILES)).with_context(said)?;
    // By its descriptor: no name has to be quoted, and whoever puts a link in the draft's place leads nobody elsewhere.
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(draft, flags, Mode::empty()).with_context(said)?;
    let to = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let connection = database::open_to_export(&store.database(), &to, MEMORY)?;
    let statement = format!(
        "COPY ({COLUMNS} WHERE {}) TO '{to}/{FILES}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day, provider), \
         FILENAME_PATTERN '{name}-{{i}}', FILE_EXTENSION '{DRAFT}')",
        filter.condition()
    );
    let count = connection
        .prepare(&statement)
        .and_then(|mut statement| statement.query_row(params_from_iter(filter.parameters()), |row| row.get(0)))
        .map_err(|error| anyhow::anyhow!("{}: {}", said(), database::brief(&error)))?;
    for file in files(draft)? {
        let kept = File::open(&file).and_then(|file| {
            // As all exports: for their owner alone. DuckDB leaves that to the umask.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.sync_all()
        });
        kept.with_context(|| format!("{}: cannot be brought to the disk", file.display()))?;
    }
    Ok(count)
}

/// Moves the files of a draft to their partitions in the folder. Who was killed in the middle does the rest again.
///
/// # Errors
/// If one cannot be moved.
pub(super) fn put(draft: &Path, folder: &Path) -> Result<()> {
    for file in files(draft)? {
        let within = file.strip_prefix(draft.join(FILES))?;
        let place = folder.join(within).with_extension("parquet");
        let above = place.parent().context("a partition has a folder")?;
        fs::create_dir_all(above).with_context(|| format!("{}: cannot be made", above.display()))?;
        whole::put(&file, &place)?;
        above.ancestors().take(2).try_for_each(tool::sync_folder)?;
    }
    remove(draft)
}

/// Removes a draft, where there is one.
///
/// # Errors
/// If it cannot be removed.
pub(super) fn remove(draft: &Path) -> Result<()> {
    match fs::remove_dir_all(draft) {
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => fs::remove_file(draft),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
    .with_context(|| format!("{}: cannot be removed", draft.display()))
}

/// Gives all files of a draft their names.
fn name_all(draft: &Path) -> Result<()> {
    for file in files(draft)? {
        whole::put(&file, &file.with_extension("parquet"))?;
    }
    Ok(())
}

/// The files in a draft's partitions.
fn files(draft: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![draft.join(FILES)];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.with_context(|| format!("{}: cannot be read", folder.display()))?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => bail!("{}: is none of our files", entry.path().display()),
            }
        }
    }
    found.sort();
    Ok(found)
}
