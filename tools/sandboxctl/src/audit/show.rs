//! How what was found is shown.

use clap::Args;
use policy::Policy;
use record::{Outcome, Record};
use tool::{OutputArgs, Writer};

use super::baseline::{Baseline, finding};
use super::page::Page;
use super::{Found, How, Scope, evaluate, waivers};

/// How an audit is shown.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Show {
    /// List what passed too, in text; JSON lines always have it
    #[arg(long)]
    all: bool,
    /// Tell only what is new since: the lines of an earlier audit (- is standard input), or what the record has
    #[arg(long, value_name = "FILE|record")]
    baseline: Option<String>,
}

/// Audits, and prints what a person or a program reads.
///
/// # Errors
/// If there is no engine, or no such baseline, or the records cannot be written.
pub(crate) async fn report(
    policy: &Policy,
    scope: &Scope,
    how: &How<'_>,
    (show, output): (&Show, OutputArgs),
    out: &mut Writer,
) -> anyhow::Result<()> {
    let baseline = show.baseline.as_deref().map(|from| Baseline::load(from, policy)).transpose()?;
    let Found { identity, mut records, names, today } = evaluate(policy, scope, how).await?;
    out.asked(identity);
    for sentence in waivers::idle(policy, &records, names.as_ref()) {
        eprintln!("sandboxctl: {}", record::escape(&sentence));
    }
    let before = records.len();
    records.retain(|record| !baseline.as_ref().is_some_and(|baseline| baseline.knows(record)));
    let known = before - records.len();
    if !output.is_text() {
        let is_told = |record: &Record| baseline.is_none() || finding(record).is_some();
        return records
            .iter()
            .try_for_each(|record| if is_told(record) { out.check(record) } else { count(record, out) });
    }
    records.iter().try_for_each(|record| count(record, out))?;
    let page =
        Page { records: &records, policy: &policy.origin, today, coloured: output.is_coloured(), all: show.all, known };
    out.page(&page.text())
}

fn count(record: &Record, out: &mut Writer) -> anyhow::Result<()> {
    out.count(record.event.outcome.unwrap_or(Outcome::Unknown));
    Ok(())
}
