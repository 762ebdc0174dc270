//! Records for other programs, in files that are there whole or not at all.

mod csv;
mod item;
mod junit;
mod ocsf;
mod parquet;
mod sarif;
mod shipment;

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;
use duckdb::{Connection, params_from_iter};
use record::cellblock::Spool;
use record::fields::File;
use record::{Action, Category, Provider, Record, Type};

use crate::plural::many;
use crate::read::{Filter, Reached};
use crate::store::Store;
use crate::whole;
use item::Item;
use shipment::Shipment;

/// What `export` makes of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// All records, for a spreadsheet.
    Csv,
    /// Verdicts and alerts, for code scanning: SARIF 2.1.0.
    Sarif,
    /// Verdicts, for a build server.
    Junit,
    /// All records, for a SIEM: OCSF 1.5, one event a line.
    Ocsf,
    /// All records with their types, in a folder by day and provider.
    Parquet,
}

/// Takes items, and knows what stands before and behind them.
trait Report {
    /// One record; some forms have no place for some.
    fn add(&mut self, item: &Item) -> Result<()>;
    /// What stands behind the last.
    fn end(&mut self) -> Result<()>;
}

/// All of it as one file, or as a folder of files by day and provider.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn keep(store: &Store, connection: &Connection, filter: &Filter, form: Form, path: &Path) -> Result<Record> {
    let count = match form {
        Form::Parquet => parquet::write(store, filter, path)?,
        form => whole::write(path, |out| write(connection, filter, form, out))?,
    };
    Ok(exported(count, path, form))
}

/// What is new since the last time, as one more file of the folder, or one of each partition. Where nothing is, there
/// is no file.
///
/// # Errors
/// If the folder is no such folder, or one of its files cannot be written.
pub(crate) fn ship(
    store: &Store,
    connection: &Connection,
    filter: &Filter,
    form: Form,
    folder: &Path,
) -> Result<Option<Record>> {
    let mut shipment = Shipment::open(folder, form, filter)?;
    let Some(beyond) = shipment.reached().beyond(connection)? else { return Ok(None) };
    let filter = filter.within(beyond);
    let mut reached: Reached = shipment.reached().clone();
    reached.go_on(connection)?;
    let (path, count) = shipment.send(reached, |draft, name| match form {
        Form::Parquet => parquet::fill(store, &filter, draft, name),
        form => whole::fill_file(draft, |out| write(connection, &filter, form, out)),
    })?;
    Ok(path.map(|path| exported(count, &path, form)))
}

/// Writes all records that the filter lets through, and says how many.
///
/// # Errors
/// If it cannot be written, or the form is no stream.
pub(crate) fn write(connection: &Connection, filter: &Filter, form: Form, out: &mut dyn Write) -> Result<u64> {
    let mut report: Box<dyn Report + '_> = match form {
        Form::Csv => Box::new(csv::Csv::begin(out)?),
        Form::Sarif => Box::new(sarif::Sarif::begin(out)?),
        Form::Junit => Box::new(junit::Junit::begin(out)),
        Form::Ocsf => Box::new(ocsf::Ocsf::begin(out)),
        Form::Parquet => bail!("parquet is no stream"),
    };
    let mut statement = connection.prepare(&item::select(filter))?;
    let mut rows = statement.query(params_from_iter(filter.parameters()))?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        report.add(&Item::of(row)?)?;
        count += 1;
    }
    report.end()?;
    Ok(count)
}

fn exported(count: u64, path: &Path, form: Form) -> Record {
    let form = match form {
        Form::Csv => "CSV",
        Form::Sarif => "SARIF",
        Form::Junit => "JUnit",
        Form::Ocsf => "OCSF",
        Form::Parquet => "Parquet",
    };
    let records = many(count, "record", "records");
    let message = format!("{records} went to {} for {form}.", path.display());
    let mut record =
        Record::new(Provider::Auditdb, Action::RecordsExported, message).about(Category::Database, Type::Info);
    record.file = Some(File::at(path));
    record.own().spool = Some(Spool { lines: Some(count), ..Spool::default() });
    record
}
