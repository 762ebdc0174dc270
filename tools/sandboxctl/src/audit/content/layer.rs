//! One layer of an image: a tar archive of what it adds and takes away (OCI image specification, "layer"). It is read
//! once, as it comes.

use std::collections::BTreeSet;
use std::io::Read;

use tar::EntryType;

use super::super::leak::Rules;
use super::budget::Budget;
use super::{Searched, archive, candidates, text};

/// The bits by which a program runs as its file's owner or group.
const SET_ID: u32 = 0o6000;

/// What the search of one layer found.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) secrets: Searched,
    /// Files that run as another.
    set_id: BTreeSet<String>,
    /// Everything else that it puts in the place of what was there.
    others: BTreeSet<String>,
    /// What it takes away: a path, and what is below it.
    removed: BTreeSet<String>,
    /// Folders of which it takes away all that was in them.
    emptied: BTreeSet<String>,
}

impl Layer {
    /// Reads it.
    ///
    /// # Errors
    /// If it is no such archive, breaks off, or has more in it than is counted.
    pub(super) fn read(from: impl Read, budget: &mut Budget, rules: &Rules) -> std::io::Result<Self> {
        let mut layer = Self::default();
        archive::each(from, |entry| {
            budget.count(entry.path_bytes().len())?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.trim_start_matches("./").trim_matches('/').to_owned();
            let (kind, mode) = (entry.header().entry_type(), entry.header().mode()?);
            if matches!(kind, EntryType::Regular | EntryType::Continuous) && candidates::may_hold(&path) {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                budget.add(text::search(entry, &path, &[&name], rules), &mut layer.secrets);
            }
            layer.note(path, matches!(kind, EntryType::Regular | EntryType::Link) && mode & SET_ID != 0);
            Ok(())
        })?;
        Ok(layer)
    }

    fn note(&mut self, path: String, set_id: bool) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        match name.strip_prefix(".wh.") {
            Some(".wh..opq") => drop(self.emptied.insert(folder.to_owned())),
            Some(gone) if folder.is_empty() => drop(self.removed.insert(gone.to_owned())),
            Some(gone) => drop(self.removed.insert(format!("{folder}/{gone}"))),
            None if set_id => drop(self.set_id.insert(path)),
            None => drop(self.others.insert(path)),
        }
    }

    /// The files that run as another, once this layer lies over those.
    pub(super) fn over(&self, mut below: BTreeSet<String>) -> BTreeSet<String> {
        below.retain(|path| {
            let gone = folders(path).any(|folder| self.removed.contains(folder) || self.emptied.contains(folder));
            !gone && !self.removed.contains(path) && !self.others.contains(path)
        });
        below.extend(self.set_id.iter().cloned());
        below
    }
}

/// The folders above a path, the root (an empty text) too.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at)).chain([""])
}
