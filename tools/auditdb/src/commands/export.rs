//! `auditdb export`: writes records for other programs.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Result, ensure};
use record::{Outcome, Provider};
use tool::{Exit, OutputArgs, Purpose, Writer, unprinted};

use crate::cli::Export;
use crate::export::{self, Form};
use crate::read::{Filter, check_pattern, open};
use crate::store::Store;

/// The most memory that the sorting may use.
const MEMORY: &str = "1GiB";

/// Writes what is asked for in the format of another program.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Export, store: &Store, output: OutputArgs) -> Result<Exit> {
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
        export::write(&reading.connection, &filter, args.form, &mut out)?;
        out.flush().map_err(unprinted)?;
        return Ok(if reading.state.reservations().is_empty() { Exit::Success } else { Exit::Unknown });
    }
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    let told = match args.since_last {
        true => export::ship(store, &reading.connection, &filter, args.form, &args.to)?,
        false => Some(export::keep(store, &reading.connection, &filter, args.form, &args.to)?),
    };
    told.iter().try_for_each(|record| out.write(record))?;
    reading.state.reservations().iter().for_each(|_| out.count(Outcome::Unknown));
    out.finish()
}
