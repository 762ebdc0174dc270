//! `auditdb report`: tells what matters, as text, as records or as a page.

use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use policy::private_file;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::Report;
use crate::read;
use crate::report::{self, Span};
use crate::store::Store;
use crate::when::When;

/// The most memory that the questions may use.
const MEMORY: &str = "768MiB";

/// Sums up a time, as text or as a page.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Report, store: &Store, output: OutputArgs) -> Result<Exit> {
    let reading = read::open(store, MEMORY)?;
    reading.state.warn();
    let span = span(args)?;
    let told = report::gather(&reading.connection, &store.spool(), span, reading.state.reservations())?;
    if let Some(file) = &args.html {
        return write_page(file, &report::page(&reading.connection, &told)?);
    }
    if output.is_text() {
        tool::print(report::text(&told, output.is_coloured()).as_bytes())?;
        return Ok(Exit::Success);
    }
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    for record in report::records(&told) {
        out.write(&record)?;
    }
    out.finish()
}

/// In one step, for its owner alone: a page says what is weak here.
fn write_page(file: &Path, page: &str) -> Result<Exit> {
    private_file::write(file, page.as_bytes()).with_context(|| format!("{}: cannot be written", file.display()))?;
    Ok(Exit::Success)
}

/// From then until now; a week without a word.
fn span(args: &Report) -> Result<Span> {
    let until = Timestamp::now().as_microsecond();
    let week_ago = until - 7 * report::DAY;
    let since = args.since.map_or(week_ago, When::microseconds);
    (since < until)
        .then_some(Span { since, until })
        .context("--since is a time to come, and of that nothing is recorded")
}
