//! After a crash: what was not committed is undone (its original was not touched), what was committed
//! is handed out to be completed.

use std::io::Read as _;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, unlinkat};
use rustix::io::Errno;

use super::sidecar::MAX_SIDECAR;
use super::{Jail, Sidecar};
use crate::share::content::sha256;
use crate::share::file_state::size;

/// An entry that a crash left half done.
#[derive(Debug)]
pub(crate) enum Pending {
    /// The content is safe in the jail, the rest is to be completed.
    Committed(Box<Sidecar>),
    /// The copy was not finished, and was thrown away.
    Undone(String),
}

impl Jail {
    /// Puts the jail in order. To be called before anything new is taken in.
    pub(crate) fn recover(&self) -> anyhow::Result<Vec<Pending>> {
        let names = self.names()?;
        let has = |name: &str| names.binary_search_by(|there| there.as_str().cmp(name)).is_ok();
        let mut found = Vec::new();
        for name in &names {
            if let Some(id) = name.strip_suffix(".pending") {
                match self.committed(id) {
                    Some(sidecar) => found.push(Pending::Committed(Box::new(sidecar))),
                    None => found.push(self.undo(id)),
                }
            } else if is_id(name) && !has(&format!("{name}.pending")) && !has(&format!("{name}.json")) {
                found.push(self.undo(name));
            }
        }
        Ok(found)
    }

    /// The facts of an entry, complete or pending, where they are ours and its content is whole.
    fn committed(&self, id: &str) -> Option<Sidecar> {
        let sidecar = self.facts(&format!("{id}.pending"), id)?;
        let file = self.content(id).ok()?;
        let whole = fstat(&file).is_ok_and(|stat| size(&stat) == sidecar.size)
            && sha256(file.as_fd(), sidecar.size).is_ok_and(|hash| hash == sidecar.sha256);
        whole.then_some(sidecar)
    }

    /// Reads a sidecar of the jail; `None` when it is none of ours.
    pub(crate) fn facts(&self, name: &str, id: &str) -> Option<Sidecar> {
        let fd = openat(&self.folder, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut bytes = Vec::new();
        std::fs::File::from(fd).take(MAX_SIDECAR as u64 + 1).read_to_end(&mut bytes).ok()?;
        Sidecar::parse(&bytes, id).ok()
    }

    /// Opens the content of an entry.
    pub(crate) fn content(&self, id: &str) -> Result<std::os::fd::OwnedFd, Errno> {
        openat(&self.folder, id, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    }

    fn undo(&self, id: &str) -> Pending {
        for name in [id.to_owned(), format!("{id}.pending")] {
            let _ = unlinkat(&self.folder, name.as_str(), AtFlags::empty());
        }
        Pending::Undone(id.to_owned())
    }
}

/// Is it the name of content: a UUID, and nothing else?
fn is_id(name: &str) -> bool {
    name.len() == 36 && uuid::Uuid::try_parse(name).is_ok()
}
