//! What an old database remembers, before a new one takes its place.

use anyhow::Result;

use super::verify;
use super::walk::Found;
use super::witness::Witnesses;
use crate::database;
use crate::fold::{self, Seen};
use crate::store::Store;

/// The most memory that reading what is remembered may use.
const MEMORY: &str = "512MiB";

/// The database that is there before a rebuild.
#[derive(Debug)]
pub(crate) enum Old {
    /// There was no database before.
    Absent,
    /// It remembers these segments.
    Knows(Vec<Seen>),
    /// It cannot be read: whether it held more nobody can tell.
    Unreadable(String),
}

impl Old {
    /// Looks at it, also where its tables are those of another version.
    pub(crate) fn look(store: &Store) -> Self {
        let path = store.database();
        if !path.exists() {
            return Self::Absent;
        }
        let read = || -> Result<Vec<Seen>> { fold::seen(&database::open(&path, MEMORY)?) };
        read().map_or_else(|error| Self::Unreadable(format!("{error:#}")), Self::Knows)
    }

    /// What it, the checkpoints or the anchors remember and the spool no longer has, segment by segment.
    ///
    /// # Errors
    /// If the spool, the log of checkpoints or an anchor cannot be read.
    pub(crate) fn beyond(&self, store: &Store) -> Result<Vec<(String, Found)>> {
        let seen = if let Self::Knows(seen) = self { seen.clone() } else { Vec::new() };
        let witnesses = Witnesses::of_database(seen).with_checkpoints(store)?;
        let held = verify::held(store, &witnesses)?;
        Ok(held.into_iter().filter(|(name, found)| witnesses.remember(name) && found.is_bad()).collect())
    }
}
