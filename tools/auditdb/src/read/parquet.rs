//! The answer to a query as a Parquet file.
//!
//! The user's statement runs where it can reach no file. Its rows come out in columns and go into a database in memory
//! that nobody's statement reaches. That one writes a file which was opened before.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::{Context, Result, bail};
use duckdb::Connection;
use duckdb::arrow::datatypes::{DataType, IntervalUnit, Schema, TimeUnit};
use duckdb::arrow::record_batch::RecordBatch;
use rustix::fs::{Mode, OFlags};
use tool::unprinted;

use super::query::refused;
use crate::database::{self, brief};

/// Writes all rows of the answer into an open file.
///
/// # Errors
/// If the statement is refused, Parquet has no form for a column's type, or the file cannot be written.
pub(super) fn fill(connection: &Connection, sql: &str, memory: &str, file: &File) -> Result<()> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let rows = database::open_to_write_file(&path, memory)?;
    let mut statement = connection.prepare(sql).map_err(|error| refused(&error))?;
    // Not as a stream: an error that comes after the first rows would be a panic of the crate's.
    let mut batches = statement.query_arrow([]).map_err(|error| refused(&error))?;
    rows.execute_batch(&table(&batches.get_schema())?)?;
    let mut appender = rows.appender("answer")?;
    for batch in batches.by_ref() {
        append(&mut appender, batch, memory)?;
    }
    appender.flush().map_err(|error| too_much(&error, memory))?;
    drop(appender);
    let copy = format!("COPY answer TO '{path}' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
    rows.execute_batch(&copy).map_err(|error| anyhow::anyhow!("the rows cannot be written: {}", brief(&error)))
}

fn append(appender: &mut duckdb::Appender<'_>, batch: RecordBatch, memory: &str) -> Result<()> {
    appender.append_record_batch(batch).map_err(|error| too_much(&error, memory))
}

fn too_much(error: &duckdb::Error, memory: &str) -> anyhow::Error {
    anyhow::anyhow!("the answer does not fit into --memory {memory}, or cannot be held: {}", brief(error))
}

/// A file without a name, in the record's folder or where temporary files go: it is gone when it is closed.
pub(super) fn nameless(folder: &Path) -> Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let open = |folder: &Path| rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR);
    let file = open(folder).or_else(|_| open(&std::env::temp_dir()));
    file.map(File::from).context("no room for the answer: neither the record's folder nor TMPDIR takes a file")
}

/// Passes a filled file on to standard output.
pub(super) fn pass(mut file: File) -> Result<()> {
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut file, &mut io::stdout().lock()).map(drop).map_err(unprinted)
}

/// The statement that makes the table for rows of this form.
fn table(schema: &Schema) -> Result<String> {
    let mut columns: Vec<(String, String)> = Vec::new();
    for field in schema.fields() {
        let name =
            super::query::free(field.name(), |name| columns.iter().any(|(taken, _)| taken.eq_ignore_ascii_case(name)));
        let Some(kind) = kind(field.data_type()) else {
            bail!("column {name} has a type that Parquet has no form for; cast it: {name}::VARCHAR");
        };
        columns.push((name, kind));
    }
    let columns: Vec<String> = columns.into_iter().map(|(name, kind)| format!("{} {kind}", quoted(&name))).collect();
    Ok(format!("CREATE TABLE answer ({})", columns.join(", ")))
}

/// DuckDB's word for a type of its answer.
fn kind(kind: &DataType) -> Option<String> {
    let word = match kind {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 => "VARCHAR",
        DataType::Binary => "BLOB",
        DataType::Date32 => "DATE",
        DataType::Time64(TimeUnit::Microsecond) => "TIME",
        DataType::Timestamp(TimeUnit::Second, None) => "TIMESTAMP_S",
        DataType::Timestamp(TimeUnit::Millisecond, None) => "TIMESTAMP_MS",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMPTZ",
        DataType::Interval(IntervalUnit::MonthDayNano) => "INTERVAL",
        DataType::Decimal128(width, scale) => return Some(format!("DECIMAL({width}, {scale})")),
        DataType::List(inner) => return self::kind(inner.data_type()).map(|inner| format!("{inner}[]")),
        DataType::Struct(fields) => {
            let part = |field: &duckdb::arrow::datatypes::FieldRef| {
                self::kind(field.data_type()).map(|kind| format!("{} {kind}", quoted(field.name())))
            };
            let parts: Option<Vec<String>> = fields.iter().map(part).collect();
            return parts.map(|parts| format!("STRUCT({})", parts.join(", ")));
        }
        _ => return None,
    };
    Some(word.to_owned())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
