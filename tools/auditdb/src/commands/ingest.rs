//! `auditdb ingest`: takes lines in, and tells how many.

use std::path::Path;

use anyhow::{Result, ensure};
use record::cellblock::Spool;
use record::{Action, Category, Outcome, Provider, Record, Type};
use tool::{Exit, OutputArgs, OutputClosed, Purpose, Writer};

use crate::cli::Ingest;
use crate::ingest::{Done, Origin, Tally, ingest};
use crate::plural::many;
use crate::source::Named;
use crate::store::Store;

/// Takes lines into the record.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: Ingest, store: &Store, output: OutputArgs) -> Result<Exit> {
    let tee = args.tee;
    let inputs = args.each.iter().filter(|named| named.file == Path::new("-")).count();
    ensure!(inputs <= 1, "--each: `-` is standard input, which can be read once; name a file for each other source");
    finish(ingest(origin(args), store, tee, output)?, output)
}

/// A container's log, each file that is named with its source, or the one file.
fn origin(args: Ingest) -> Origin {
    let Ingest { file, from_docker, provider, whole, each, .. } = args;
    match (from_docker, provider) {
        (Some(name), Some(source)) => Origin::Container { name, source },
        (_, source) if each.is_empty() => Origin::Files { files: vec![Named { source, file }], whole },
        _ => Origin::Files { files: each, whole },
    }
}

fn finish(done: Done, output: OutputArgs) -> Result<Exit> {
    if let Some(error) = done.unread {
        return Err(error);
    }
    let counts = done.tallies.iter().map(Tally::counts);
    let (accepted, wrong) = counts.fold((0, 0), |(good, bad), of| (good + of.passed, bad + of.failed));
    // Whoever stopped reading what we pass on is no reason to lose a line, and none to complain twice.
    done.told.map_err(|error| if error.is::<OutputClosed>() { left_with(wrong) } else { error })?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    (0..accepted).for_each(|_| out.count(Outcome::Success));
    (0..wrong).for_each(|_| out.count(Outcome::Failure));
    for tally in &done.tallies {
        out.write(&taken(tally, done.head.clone(), done.tallies.len() > 1))?;
    }
    out.finish()
}

/// What came in of one source, which is named where there are `several`.
fn taken(tally: &Tally, head: Option<(String, String)>, several: bool) -> Record {
    let lines = many(tally.accepted, "line is", "lines are");
    let refused = many(tally.rejected, "was no record", "were no records");
    let of = tally.source.as_ref().filter(|_| several).map(|source| format!("{source}: ")).unwrap_or_default();
    let mut record =
        Record::new(Provider::Auditdb, Action::LinesIngested, format!("{of}{lines} in the record, {refused}."))
            .about(Category::Database, Type::Creation);
    let (segment, head) = head.unzip();
    let (lines, bytes) = (Some(tally.accepted + tally.rejected), Some(tally.bytes));
    record.own().spool = Some(Spool { segment, head, lines, bytes, ..Spool::default() });
    record.own().counts = Some(tally.counts());
    record
}

/// How a run ends whose reader left: lines that were no records, or are lost, are findings all the same.
fn left_with(findings: u64) -> anyhow::Error {
    OutputClosed(if findings > 0 { Exit::Findings } else { Exit::Success }).into()
}
