//! `--since-last`: one file after the other in a folder, from which a shipper takes them. Nothing comes twice, and
//! nothing is left out, whenever a run is killed: what is remembered names the file that is under way, so the next run
//! completes it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use policy::private_file;
use serde::{Deserialize, Serialize};

use super::{Form, parquet};
use crate::database::Lock;
use crate::read::{Filter, Reached};
use crate::whole;

/// How long a run waits for another one on the same folder.
const WAIT: Duration = Duration::from_secs(30);

/// What is remembered between runs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    /// How many files there were.
    files: u64,
    /// How far the record is in them.
    reached: Reached,
    /// The last of them: perhaps it has not got its name yet.
    last: Option<String>,
    /// Which records it gets, where that is not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

/// The folder, and what it remembers.
#[derive(Debug)]
pub(super) struct Shipment {
    folder: PathBuf,
    form: Form,
    memory: Memory,
    _lock: Lock,
}

impl Shipment {
    /// Opens the folder, makes it where it is not there, and completes what a killed run left. One that was begun with
    /// another filter is refused: what that left out would never be sent.
    pub(super) fn open(folder: &Path, form: Form, filter: &Filter) -> Result<Self> {
        let filter = filter.words();
        let said = || format!("{}: --to names a folder with --since-last", folder.display());
        fs::create_dir_all(folder).with_context(said)?;
        let lock = folder.join(format!(".{}.lock", ending(form)));
        let Some(lock) =
            Lock::exclusive(&lock, WAIT).with_context(|| format!("{}: cannot be locked", lock.display()))?
        else {
            bail!("{}: another export has had it for {} s", folder.display(), WAIT.as_secs());
        };
        let memory = remembered(&folder.join(memory_of(form)))?
            .unwrap_or(Memory { filter: filter.clone(), ..Memory::default() });
        ensure!(
            memory.filter == filter,
            "{}: was begun with {}; what the one leaves out the other would never send: --to names a folder for each",
            folder.display(),
            if memory.filter.is_some() { "other filters" } else { "no filter" }
        );
        let shipment = Self { folder: folder.to_owned(), form, memory, _lock: lock };
        shipment.complete()?;
        Ok(shipment)
    }

    /// How far the record is in the files so far.
    pub(super) fn reached(&self) -> &Reached {
        &self.memory.reached
    }

    /// Has the next draft filled, given its path and its file's name. Remembers how far that is. Without a record in it
    /// there is no file.
    pub(super) fn send(
        &mut self,
        reached: Reached,
        fill: impl FnOnce(&Path, &str) -> Result<u64>,
    ) -> Result<(Option<PathBuf>, u64)> {
        let stem = format!("cellblock-{:08}", self.memory.files + 1);
        let name = format!("{stem}.{}", ending(self.form));
        let path = self.folder.join(&name);
        let part = whole::part_of(&path)?;
        let count = fill(&part, &stem)?;
        self.memory.reached = reached;
        if count == 0 {
            parquet::remove(&part)?;
            self.remember()?;
            return Ok((None, 0));
        }
        self.memory.files += 1;
        self.memory.last = Some(name);
        // From here on the file counts; a run that is killed before it has its name leaves that to the next.
        self.remember()?;
        self.put(&part, &path)?;
        Ok((Some(if self.form == Form::Parquet { self.folder.clone() } else { path }), count))
    }

    fn put(&self, part: &Path, path: &Path) -> Result<()> {
        if self.form == Form::Parquet { parquet::put(part, &self.folder) } else { whole::put(part, path) }
    }

    fn remember(&self) -> Result<()> {
        let text = serde_json::to_vec(&self.memory)?;
        let path = self.folder.join(memory_of(self.form));
        private_file::write(&path, &text).with_context(|| format!("{}: cannot be written", path.display()))
    }

    /// Gives the last file its name, where a killed run did not.
    fn complete(&self) -> Result<()> {
        let Some(last) = &self.memory.last else { return Ok(()) };
        let path = self.folder.join(last);
        let part = whole::part_of(&path)?;
        if part.exists() { self.put(&part, &path) } else { Ok(()) }
    }
}

fn remembered(path: &Path) -> Result<Option<Memory>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => {
            let text = read.with_context(|| format!("{}: cannot be read", path.display()))?;
            serde_json::from_slice(&text).map(Some).with_context(|| {
                format!("{}: is no memory of ours; without that file all is sent once more", path.display())
            })
        }
    }
}

/// Where a form's memory is.
fn memory_of(form: Form) -> String {
    format!(".{}.reached", ending(form))
}

/// What a form's files end with.
fn ending(form: Form) -> &'static str {
    match form {
        Form::Csv => "csv",
        Form::Sarif => "sarif",
        Form::Junit => "xml",
        Form::Ocsf => "ocsf.jsonl",
        Form::Parquet => "parquet",
    }
}
