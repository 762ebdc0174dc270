//! Entries of the jail as people ask for them.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, bail};
use rustix::fs::{AtFlags, fstat, fsync, unlinkat};

use super::{Jail, Sidecar, complete, pending};
use crate::share::content::sha256;
use crate::share::file_state::size;

/// An entry that was asked for.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its id, a `UUIDv7`.
    pub(crate) id: String,
    /// Its facts; `None` where they cannot be read.
    pub(crate) facts: Option<Sidecar>,
}

/// Is the content what the facts say?
#[derive(Debug)]
pub(crate) enum Whole {
    /// It is what they say, and here it is.
    Yes(OwnedFd),
    /// It is not, or cannot be read: why.
    No(String),
}

impl Jail {
    /// All complete entries, the oldest first. What is pending belongs to the warden yet.
    pub(crate) fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let names = self.names()?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
        Ok(ids.map(|id| Entry { id: id.to_owned(), facts: self.facts(&complete(id), id) }).collect())
    }

    /// The entry with this id, or the only one whose id begins so.
    pub(crate) fn entry(&self, id: &str) -> anyhow::Result<Entry> {
        let mut found: Vec<Entry> = self.entries()?.into_iter().filter(|entry| entry.id.starts_with(id)).collect();
        match (found.pop(), found.len()) {
            (Some(entry), 0) if !id.is_empty() => Ok(entry),
            (None, _) => bail!(
                "no entry of the jail {} begins with {id}; 'scanwatch jail list' shows them",
                self.shown.display()
            ),
            _ => bail!("{} entries of the jail begin with '{id}': give more of the id", found.len() + 1),
        }
    }

    /// Compares the content with its sidecar: size and SHA-256.
    pub(crate) fn verify(&self, facts: &Sidecar) -> Whole {
        let file = match self.content(&facts.id) {
            Ok(file) => file,
            Err(error) => return Whole::No(format!("its content cannot be opened: {error}")),
        };
        if fstat(&file).map_or(0, |stat| size(&stat)) != facts.size {
            return Whole::No("its content has another size".to_owned());
        }
        match sha256(file.as_fd(), facts.size) {
            Ok(hash) if hash == facts.sha256 => Whole::Yes(file),
            Ok(_) => Whole::No("its content has another hash".to_owned()),
            Err(error) => Whole::No(format!("its content cannot be read: {error}")),
        }
    }

    /// Removes an entry for good: the facts last, so that what is left is still explained.
    pub(crate) fn purge(&self, id: &str) -> anyhow::Result<()> {
        for name in [id.to_owned(), pending(id), complete(id)] {
            match unlinkat(&self.folder, name.as_str(), AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(error).with_context(|| format!("{name} cannot be removed from the jail")),
            }
        }
        fsync(&self.folder).context("the jail cannot be synced")
    }
}
