//! Where the record is kept: the policy's `[audit]`, or a folder named on the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use policy::{Policy, PolicyArgs};

use crate::checkpoint::{Anchor, Notary};
use crate::spool::Folder;

/// The bound of the spool where no policy sets one: the policy's own default.
const SPOOL: u64 = 2 << 30;
/// How long lines are kept where no policy says so: the policy's own default, 90 days.
const RETAIN: Duration = Duration::from_secs(90 * 86_400);

/// Where the record is, as the command line says.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// The record's folder, instead of the policy's audit.directory
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// The folder of the signing key and the checkpoints [default: DIR.key beside the record's]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) keys: Option<PathBuf>,
    /// A file elsewhere that gets each checkpoint too, and that verify reads back
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) anchor: Vec<PathBuf>,
}

/// The record's folder and its bound.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    directory: PathBuf,
    notary: Notary,
    /// The most bytes that the spool may take.
    pub(crate) bound: u64,
    /// How long lines are kept.
    pub(crate) retain: Retain,
}

/// How long lines are kept.
#[derive(Debug, Clone)]
pub(crate) struct Retain {
    /// How long lines of a provider are kept that the policy does not name.
    pub(crate) all: Duration,
    /// How long lines of named providers are kept.
    pub(crate) by: BTreeMap<String, Duration>,
}

impl Store {
    /// From the flags: `--directory` needs no policy.
    pub(crate) fn find(args: StoreArgs, policy: &PolicyArgs) -> Result<Self> {
        let StoreArgs { directory, keys, anchor } = args;
        let mut anchors: Vec<Anchor> = anchor.into_iter().map(Anchor::File).collect();
        let (directory, bound, retain, checkpoint) = match (directory, &policy.policy) {
            (Some(directory), None) => {
                (directory, SPOOL, Retain { all: RETAIN, by: BTreeMap::new() }, policy::DEFAULT_CHECKPOINT)
            }
            (directory, _) => {
                let Policy { audit, origin, .. } = policy.load()?;
                for anchor in audit.anchors.into_iter().map(|anchor| named(anchor, &origin)) {
                    // Twice in one file, a checkpoint would look like one that was put in.
                    if !anchors.contains(&anchor) {
                        anchors.push(anchor);
                    }
                }
                let retain = Retain { all: audit.retain, by: audit.retain_by };
                (directory.unwrap_or(audit.directory), audit.spool.get(), retain, audit.checkpoint)
            }
        };
        let keys = keys.map_or_else(|| beside(&directory), Ok)?;
        Ok(Self { directory, notary: Notary::new(keys, anchors, checkpoint), bound, retain })
    }

    /// Who signs checkpoints, and where they are kept.
    pub(crate) fn notary(&self) -> Notary {
        self.notary.clone()
    }

    /// The folder of the segments.
    pub(crate) fn spool(&self) -> Folder {
        Folder::below(&self.directory)
    }

    /// The folder of the whole record: spool, database and locks are below it.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The database of the records.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("record.duckdb")
    }

    /// The file whose lock says who may write the database.
    pub(crate) fn lock(&self) -> PathBuf {
        self.directory.join("record.lock")
    }

    /// The database of the refs.
    pub(crate) fn refs(&self) -> PathBuf {
        self.directory.join("refs.duckdb")
    }
}

fn named(anchor: policy::Anchor, policy: &Path) -> Anchor {
    match anchor {
        policy::Anchor::File(path) => Anchor::File(path),
        policy::Anchor::Command(words) => Anchor::Command { words, policy: policy.to_owned() },
    }
}

/// `audit.key` beside `audit`: whoever may write the record's folder alone reaches nothing in it.
fn beside(directory: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(directory).and_then(|whole| whole.canonicalize().or(Ok(whole)));
    let whole = whole.with_context(|| format!("{}: is no folder", directory.display()))?;
    let mut name =
        whole.file_name().context("the record cannot be the root of all; --directory names another")?.to_owned();
    name.push(".key");
    Ok(whole.with_file_name(name))
}
