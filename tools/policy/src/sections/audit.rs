//! `[audit]`: where the record is kept, how long, and how much of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::Bytes;
use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::reader::{folder, schema};
use crate::types::duration;
use crate::types::name::PROVIDER;

/// The record's place and bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Folder of spool and database, absolute.
    pub directory: PathBuf,
    /// How long records are kept, a day to a hundred years.
    pub retain: Duration,
    /// How long the records of some providers are kept instead, by the provider's name.
    pub retain_by: BTreeMap<String, Duration>,
    /// The most the spool may hold, at least 1 MiB; when full, writers wait and say so.
    pub spool: Bytes,
    /// What the databases may take before `status` calls it a finding: they are made from the spool, beside it.
    pub database: Bytes,
    /// How long lines that come in may be without a signed checkpoint, a second to a day.
    pub checkpoint: Duration,
    /// Who gets each checkpoint too, outside the record.
    pub anchors: Vec<Anchor>,
}

/// A place outside the record that gets its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// A file elsewhere, which `auditdb verify` reads back.
    File(PathBuf),
    /// A command that gets them on its standard input: the program, and its arguments.
    Command(Vec<String>),
}

/// How long lines may be without a checkpoint where nobody says otherwise.
pub const DEFAULT_CHECKPOINT: Duration = Duration::from_secs(900);
const DAY: Duration = Duration::from_secs(86_400);
/// The shortest and the longest time that records are kept.
const RETENTION: RangeInclusive<Duration> = DAY..=Duration::from_secs(36_500 * 86_400);
/// The shortest and the longest time between two checkpoints of a writer that goes on.
const CHECKPOINT: RangeInclusive<Duration> = Duration::from_secs(1)..=DAY;
const LEAST_SPOOL: Bytes = Bytes(1 << 20);
/// An empty database of DuckDB's takes some of it.
const LEAST_DATABASE: Bytes = Bytes(16 << 20);
/// The most anchors: auditdb waits for each at each checkpoint.
const MOST_ANCHORS: usize = 8;

pub(crate) fn read(section: &Section<'_>) -> Option<Audit> {
    let directory = match section.has("directory") {
        true => section.required("directory", folder::read),
        false => folder::default(section, "directory", "audit"),
    };
    let retain = section.or("retain", 90 * DAY, |value| duration::read(value, &RETENTION));
    let retain_by = section.or("retain_by", BTreeMap::new(), by_provider);
    let spool = section.or("spool", Bytes(2 << 30), |value| Bytes::at_least(value, LEAST_SPOOL));
    let database = section.or("database", Bytes(2 << 30), |value| Bytes::at_least(value, LEAST_DATABASE));
    let checkpoint = section.or("checkpoint", DEFAULT_CHECKPOINT, |value| duration::read(value, &CHECKPOINT));
    let anchors = section.or("anchors", Vec::new(), |value| {
        value.list(0..=MOST_ANCHORS, |anchor| anchored(&Section::of(anchor, &schema::ANCHOR)?))
    });
    let (directory, retain, retain_by, spool) = (directory?, retain?, retain_by?, spool?);
    let (database, checkpoint, anchors) = (database?, checkpoint?, anchors?);
    Some(Audit { directory, retain, retain_by, spool, database, checkpoint, anchors })
}

/// `{ "egress-proxy" = "30d" }`: a provider's name is one that `auditdb ingest --provider` takes.
fn by_provider(value: &Value<'_>) -> Option<BTreeMap<String, Duration>> {
    let times = value.entries()?.iter().map(|(name, kept)| {
        let kept = value.child(name.get_ref(), kept.span(), kept.get_ref());
        let name = name.get_ref();
        if !PROVIDER.allows(name) {
            return kept.refuse(
                format!("{} is no name of a provider", quoted(name)),
                "write a tool or source, such as \"egress-proxy\": lower-case letters, digits and hyphens",
            );
        }
        Some((name.to_string(), duration::read(&kept, &RETENTION)?))
    });
    // All of them are read, so that a fault in one doesn't hide those in the next.
    times.collect::<Vec<_>>().into_iter().collect()
}

fn anchored(section: &Section<'_>) -> Option<Anchor> {
    match (section.has("file"), section.has("command")) {
        (true, false) => section.required("file", folder::read).map(Anchor::File),
        (false, true) => section.required("command", command).map(Anchor::Command),
        _ => section.refuse(
            "file",
            "an anchor is a file or a command, one of the two",
            "write { file = \"/mnt/usb/cellblock.anchors\" }",
        ),
    }
}

/// The program by its whole path: no shell looks for it.
fn command(value: &Value<'_>) -> Option<Vec<String>> {
    let words = value.list(1..=32, |word| word.text().map(str::to_owned))?;
    let whole = words.first().is_some_and(|program| program.starts_with('/'));
    let plain = words.iter().all(|word| !word.chars().any(char::is_control));
    if whole && plain {
        return Some(words);
    }
    value.refuse(
        "a command that is no list of plain words behind a path",
        "write [\"/usr/local/bin/anchor\"]: no shell is asked",
    )
}
