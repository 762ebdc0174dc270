//! `auditdb report`: one screen of what matters, folded from the record.
//!
//! The database is asked at the edge ([`gather`]); what comes of the rows is decided apart from it. Then it is told as
//! text, as records or as a page.

mod activity;
mod check;
mod checks;
mod finding;
mod gather;
mod incident;
mod layer;
mod lines;
mod page;
mod refused;
mod repeated;
mod span;
mod strayed;
mod text;
mod told;

use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use policy::private_file;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli;
use crate::read;
use crate::store::Store;
use crate::when::When;

use activity::Activity;
use check::Verdict;
use finding::{Finding, Standing, Standings};
use incident::{Jailed, Loss, Moved, Newest};
use refused::Refusals;
use span::Span;

/// The most memory that the questions may use.
const MEMORY: &str = "768MiB";

/// What the record says of a time.
#[derive(Debug)]
struct Report {
    span: Span,
    /// The record has lines from before.
    is_older: bool,
    activity: Activity,
    layers: Vec<Standings>,
    findings: Vec<Finding>,
    /// The sentences of the security architecture: as they should be, not, unknown; and when they were tried.
    sentences: Option<([usize; 3], i64)>,
    refusals: Refusals,
    jailed: Newest<Jailed>,
    moved: Newest<Moved>,
    losses: Newest<Loss>,
    /// Why the answer itself may not be whole.
    doubts: Vec<String>,
}

/// What each form of it tells, chosen once for text, records and page.
impl Report {
    /// The findings that stand so. What is unknown has a part of its own; what was and is mended has none.
    fn found(&self, standing: Standing) -> Vec<&Finding> {
        let is_told = |finding: &&Finding| standing == Standing::Mended || finding.check.verdict == Verdict::Failed;
        self.findings.iter().filter(|finding| finding.standing == standing).filter(is_told).collect()
    }

    /// The checks that could not be evaluated.
    fn unknown(&self) -> Vec<&Finding> {
        let stands = |finding: &&Finding| finding.standing != Standing::Mended;
        self.findings.iter().filter(stands).filter(|finding| finding.check.verdict == Verdict::Unknown).collect()
    }

    /// The layers that nothing ever spoke for.
    fn never(&self) -> Vec<&'static str> {
        let never = self.layers.iter().filter(|standings| standings.last.is_none());
        never.map(|standings| standings.layer.name()).collect()
    }

    /// Moves of refs, but for those that only undid one.
    fn exposures(&self) -> impl Iterator<Item = &Moved> {
        self.moved.named.iter().filter(|moved| !moved.is_return)
    }

    /// From and to of each stretch without a line.
    fn silences(&self) -> Vec<(i64, i64)> {
        self.activity.silences(self.span, self.is_older)
    }
}

/// `auditdb report`
pub(crate) fn report(args: &cli::Report, store: &Store, output: OutputArgs) -> Result<Exit> {
    let reading = read::open(store, MEMORY)?;
    reading.state.warn();
    let span = span(args)?;
    let report = gather::gather(&reading.connection, span, reading.state.reservations())?;
    if let Some(file) = &args.html {
        return write_page(file, &page::page(&reading.connection, &report)?);
    }
    if output.is_text() {
        tool::print(text::text(&report, output.is_coloured()).as_bytes())?;
        return Ok(Exit::Success);
    }
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    for record in told::records(&report) {
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
fn span(args: &cli::Report) -> Result<Span> {
    let until = Timestamp::now().as_microsecond();
    let week_ago = until - 7 * span::DAY;
    let since = args.since.map_or(week_ago, When::microseconds);
    (since < until)
        .then_some(Span { since, until })
        .context("--since is a time to come, and of that nothing is recorded")
}
