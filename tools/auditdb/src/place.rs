//! Where the record is kept: the policy's `[audit]`, or a folder named on the command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use policy::PolicyArgs;

use crate::spool::Folder;

/// The bound of the spool where no policy sets one: the policy's own default.
const SPOOL: u64 = 2 << 30;
/// How long lines are kept where no policy says so: the policy's own default, 90 days.
const RETAIN: Duration = Duration::from_secs(90 * 86_400);

/// The record's folder and its bound.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    directory: PathBuf,
    /// The most bytes that the spool may take.
    pub(crate) bound: u64,
    /// How long lines are kept.
    pub(crate) retain: Duration,
}

impl Place {
    /// From the flags: `--directory` needs no policy.
    pub(crate) fn find(directory: Option<PathBuf>, policy: &PolicyArgs) -> Result<Self> {
        if let (Some(directory), None) = (&directory, &policy.policy) {
            return Ok(Self { directory: directory.clone(), bound: SPOOL, retain: RETAIN });
        }
        let audit = policy.load()?.audit;
        Ok(Self { directory: directory.unwrap_or(audit.directory), bound: audit.spool.get(), retain: audit.retain })
    }

    /// The folder of the segments.
    pub(crate) fn spool(&self) -> Folder {
        Folder::below(&self.directory)
    }

    /// The folder itself.
    pub(crate) fn directory(&self) -> &std::path::Path {
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
