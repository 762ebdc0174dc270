//! One line, proved to who has no record.

use anyhow::{Context, Result, bail};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use crate::chain::Link;
use crate::checkpoint::{About, Book, Checkpoint, Proof};
use crate::line::{self, Scanner};
use crate::merkle::{self, Tree};
use crate::spool::{Read, Reader};
use crate::store::Store;

/// A line, where it stands, and the hashes of all lines beside it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) segment: String,
    line: Vec<u8>,
    index: usize,
    leaves: Vec<Link>,
}

impl Found {
    /// The proof of it, by what its segment's end was signed for; `None` where that was not done yet.
    ///
    /// # Errors
    /// If the segment is not what was signed.
    pub(crate) fn proof(&self, book: &Book) -> Result<Option<Proof>> {
        let Self { segment, line, index, leaves } = self;
        let closed = book.entries.iter().find_map(|entry| match &entry.checkpoint.about {
            About::Closed(closed) if closed.segment == *segment => Some((entry, closed)),
            _ => None,
        });
        let Some((entry, closed)) = closed else { return Ok(None) };
        if closed.tree != Tree::root_of(leaves).to_string() {
            bail!("segment {segment} is not what was signed; see `auditdb verify`");
        }
        Ok(Some(Proof::of(line, *index, leaves, entry.line.clone())))
    }
}

/// All lines with that id, from the spool itself.
///
/// # Errors
/// If a segment cannot be read.
pub(crate) fn find(store: &Store, id: &str) -> Result<Vec<Found>> {
    let (mut found, mut scanner) = (Vec::new(), Scanner::default());
    for segment in store.spool().segments()? {
        let path = store.spool().path().join(&segment.name);
        let told = || format!("{}: cannot be read", path.display());
        let (mut leaves, mut here) = (Vec::new(), Vec::new());
        let mut reader = Reader::open(&path, None).with_context(told)?;
        while let Read::Batch(batch, _) = reader.next().with_context(told)? {
            for raw in line::split(&batch.body) {
                let text = line::text(raw);
                if text.contains(id) && scanner.scan(&text).is_ok_and(|columns| columns.id.as_deref() == Some(id)) {
                    here.push((raw.to_vec(), leaves.len()));
                }
                leaves.push(merkle::leaf(raw));
            }
        }
        found.extend(here.into_iter().map(|(line, index)| Found {
            segment: segment.name.clone(),
            line,
            index,
            leaves: leaves.clone(),
        }));
    }
    Ok(found)
}

/// What a proof proves, by a key of these.
pub(crate) fn checked(text: &str, keys: &[&str]) -> Record {
    let proof: Result<Proof, _> = serde_json::from_str(text);
    checked_proof(proof.map_err(|error| format!("no proof: {error}")).and_then(|proof| proof.check(keys)))
}

fn checked_proof(checked: Result<(Vec<u8>, Checkpoint), String>) -> Record {
    let record = |message: String| {
        Record::new(Provider::Auditdb, Action::ProofVerified, message).about(Category::Database, Type::Info)
    };
    match checked {
        Ok((line, checkpoint)) => {
            let mut told =
                record(format!("The line was in the record at {}.", checkpoint.time)).outcome(Outcome::Success);
            told.event.original = Some(line::text(&line).into_owned());
            told
        }
        Err(why) => record("The proof proves nothing.".to_owned())
            .kind(Kind::Alert)
            .outcome(Outcome::Failure)
            .severity(Severity::High)
            .reason(why),
    }
}
