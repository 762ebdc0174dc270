//! `auditdb export`: records for other programs, in files that are there whole or not at all.

mod csv;
mod item;
mod junit;
mod ocsf;
mod parquet;
mod sarif;
mod shipment;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use duckdb::{Connection, params_from_iter};
use record::cellblock::Spool;
use record::fields::File;
use record::{Action, Category, Outcome, Provider, Record, Type};
use tool::{Exit, OutputArgs, Purpose, Writer, unprinted};

use crate::cli::{self, Form};
use crate::plural::many;
use crate::read::{Filter, Reached, Reading, check_pattern, open};
use crate::store::Store;
use crate::whole;
use item::Item;
use shipment::Shipment;

/// The most memory that the sorting may use.
const MEMORY: &str = "1GiB";

/// Takes items, and knows what stands before and behind them.
trait Report {
    /// One record; some forms have no place for some.
    fn add(&mut self, item: &Item) -> Result<()>;
    /// What stands behind the last.
    fn end(&mut self) -> Result<()>;
}

/// `auditdb export`
pub(crate) fn export(args: &cli::Export, store: &Store, output: OutputArgs) -> Result<Exit> {
    ensure!(
        !(args.since_last && args.to == Path::new("-")),
        "--since-last: needs a folder that remembers; --to names it"
    );
    ensure!(
        !(args.form == Form::Parquet && args.to == Path::new("-")),
        "parquet: is a folder of files by day and provider; --to names it, and `auditdb query --output parquet` gives one file"
    );
    let reading = open(store, MEMORY)?;
    reading.state.warn();
    let filter = Filter::of(&args.filters);
    if let Some(pattern) = &args.filters.grep {
        check_pattern(&reading.connection, pattern)?;
    }
    if args.to == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        write(&reading.connection, &filter, args.form, &mut out)?;
        out.flush().map_err(unprinted)?;
        return Ok(if reading.state.reservations().is_empty() { Exit::Success } else { Exit::Unknown });
    }
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    match args.since_last {
        true => ship(store, &reading, &filter, args, &mut out)?,
        false => {
            let count = match args.form {
                Form::Parquet => parquet::write(store, &filter, &args.to)?,
                form => whole::write(&args.to, |out| write(&reading.connection, &filter, form, out))?,
            };
            out.write(&told(count, &args.to, args.form))?;
        }
    }
    reading.state.reservations().iter().for_each(|_| out.count(Outcome::Unknown));
    out.finish()
}

/// What is new since the last time, as one more file of the folder, or one of each partition. Where nothing is, there is
/// no file.
fn ship(store: &Store, reading: &Reading, filter: &Filter, args: &cli::Export, out: &mut Writer) -> Result<()> {
    let connection = &reading.connection;
    let mut shipment = Shipment::open(&args.to, args.form, filter)?;
    let Some(beyond) = shipment.reached().beyond(connection)? else { return Ok(()) };
    let filter = filter.within(beyond);
    let mut reached: Reached = shipment.reached().clone();
    reached.go_on(connection)?;
    let (path, count) = shipment.send(reached, |draft, name| match args.form {
        Form::Parquet => parquet::fill(store, &filter, draft, name),
        form => whole::fill_file(draft, |out| write(connection, &filter, form, out)),
    })?;
    if let Some(path) = path {
        out.write(&told(count, &path, args.form))?;
    }
    Ok(())
}

/// Writes all records that the filter lets through, and says how many.
fn write(connection: &Connection, filter: &Filter, form: Form, out: &mut dyn Write) -> Result<u64> {
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

fn told(count: u64, path: &Path, form: Form) -> Record {
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
