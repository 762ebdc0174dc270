//! `auditdb prove ID` and `auditdb verify --proof FILE --key PUB`: one line, proved to who has no record.

use std::io::{Read as _, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};
use tool::{Exit, OutputArgs, Purpose, Writer, input, unprinted};

use crate::chain::Link;
use crate::checkpoint::{About, Book, Checkpoint, Proof};
use crate::cli;
use crate::line::{self, Scanner};
use crate::merkle::{self, Tree};
use crate::spool::{Read, Reader};
use crate::store::Store;

/// The longest proof that is read, in bytes: a line of 1 MiB in base64, and its path.
const LONGEST: u64 = 4 << 20;

/// A line with this id, where it stands, and the hashes of all lines beside it.
struct Found {
    segment: String,
    line: Vec<u8>,
    index: usize,
    leaves: Vec<Link>,
}

/// `auditdb prove`
pub(crate) fn prove(args: &cli::Prove, store: &Store) -> Result<Exit> {
    let found = find(store, &args.id)?;
    if found.is_empty() {
        bail!("{}: no line of the record has the id {:?}", store.directory().display(), args.id);
    }
    let log = store.notary().log();
    let book = Book::read(&log).with_context(|| format!("{}: cannot be read", log.display()))?;
    let mut exit = Exit::Success;
    for Found { segment, line, index, leaves } in found {
        let closed = book.entries.iter().find_map(|entry| match &entry.checkpoint.about {
            About::Closed(closed) if closed.segment == segment => Some((entry, closed)),
            _ => None,
        });
        let Some((entry, closed)) = closed else {
            eprintln!(
                "auditdb: segment {segment} has no signed root: its writer is at it, or was killed; ask again when that has ended"
            );
            exit = Exit::Unknown;
            continue;
        };
        if closed.tree != Tree::root_of(&leaves).to_string() {
            bail!("segment {segment} is not what was signed; see `auditdb verify`");
        }
        let proof = Proof::of(&line, index, &leaves, entry.line.clone());
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&proof)?).map_err(unprinted)?;
    }
    Ok(exit)
}

/// All lines with that id, from the spool itself.
fn find(store: &Store, id: &str) -> Result<Vec<Found>> {
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

/// `auditdb verify --proof`
pub(crate) fn verify_proof(file: &Path, key: &str, output: OutputArgs) -> Result<Exit> {
    let text = read(file).with_context(|| format!("{}: cannot be read as a proof", file.display()))?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    // As `key show` prints them: a line each, and behind the key what it is.
    let public: Vec<&str> = key
        .lines()
        .filter_map(|line| line.strip_prefix("ed25519 ").unwrap_or(line).split_whitespace().next())
        .collect();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let proof: Result<Proof, _> = serde_json::from_str(line);
        let checked = proof.map_err(|error| format!("no proof: {error}")).and_then(|proof| proof.check(&public));
        out.check(&told(checked))?;
    }
    out.finish()
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    input::open(file)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        bail!("longer than {LONGEST} bytes");
    }
    Ok(text)
}

fn told(checked: Result<(Vec<u8>, Checkpoint), String>) -> Record {
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
