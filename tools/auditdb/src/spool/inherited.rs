//! A log of checkpoints that begins where the record did not: its key was lost, or there never was one. A new key must
//! not come without a word, for nobody known has signed what was there before.

use std::io;

use anyhow::{Context, Result};
use record::cellblock::Spool;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};

use super::batch::Batch;
use super::folder::{Folder, is_closed};
use super::writer::{Room, Writer};
use crate::checkpoint::{About, Inherited, Notary};
use crate::plural::many;
use crate::source::Source;

/// Signs checkpoints, and tells where a log that begins with them finds segments.
///
/// # Errors
/// If nothing could be signed or kept.
pub(crate) fn sign(folder: &Folder, notary: &Notary, abouts: Vec<About>) -> Result<()> {
    if let Some(inherited) = notary.sign(abouts, || look(folder))? {
        report(folder, notary, &inherited);
    }
    Ok(())
}

/// Counts segments whose writers have ended: a writer that runs signs its own. An empty segment is new, and its writer
/// may not have locked it yet.
fn look(folder: &Folder) -> io::Result<Option<Inherited>> {
    let (mut segments, mut last) = (0, None);
    for segment in folder.segments()?.into_iter().filter(|segment| segment.length > 0) {
        if is_closed(&folder.path().join(&segment.name))? {
            (segments, last) = (segments + 1, Some(segment.name));
        }
    }
    Ok(last.map(|last| Inherited { segments, last }))
}

fn report(folder: &Folder, notary: &Notary, inherited: &Inherited) {
    let key = notary.public().ok().flatten().unwrap_or_default();
    let segments = many(inherited.segments, "segment", "segments");
    let message = format!("The log of checkpoints begins anew behind {segments} that no known key has signed.");
    eprintln!(
        "auditdb: {}: {segments} of the record came before any checkpoint here, so the key or the log was lost; what follows is signed by ed25519 {key}",
        record::escape(&notary.folder().display().to_string())
    );
    let mut record = Record::new(Provider::Auditdb, Action::RecordVerified, message)
        .about(Category::Database, Type::Info)
        .outcome(Outcome::Unknown)
        .severity(Severity::High)
        .reason(format!("the key or the log of checkpoints was lost; what follows is signed by ed25519 {key}"));
    record.own().spool = Some(Spool { segment: Some(inherited.last.clone()), ..Spool::default() });
    if let Err(error) = keep(folder, notary, &record) {
        eprintln!("auditdb: {}; the record itself does not say so", record::escape(&format!("{error:#}")));
    }
}

/// In a segment of its own: the caller may be at the end of its.
fn keep(folder: &Folder, notary: &Notary, record: &Record) -> Result<()> {
    let mut batch = Batch::new(Some(Source::own()));
    batch.push(record.to_json()?.as_bytes());
    let mut spool = Writer::begin(folder.clone(), u64::MAX)?.signed(notary.clone());
    anyhow::ensure!(spool.append(&batch)? == Room::Written, "the disk is full");
    spool.sync().context("the spool could not be brought to the disk")
}
