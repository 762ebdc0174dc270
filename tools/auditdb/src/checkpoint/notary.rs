//! Signs checkpoints, one after the other, whoever writes the record: under a lock that is held for one line.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use policy::private_file;

use super::anchor::Anchor;
use super::book::Book;
use super::wire::{self, About, Checkpoint, Inherited, Rotated};
use super::{compact, key};
use crate::database::Lock;

/// The root before the first.
pub(super) const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How long to wait for another process's checkpoint.
const WAIT: Duration = Duration::from_secs(5);
/// More than the longest checkpoint takes, in bytes.
const LONGEST: u64 = 64 << 10;

/// Where checkpoints are signed and kept.
#[derive(Debug, Clone)]
pub(crate) struct Notary {
    folder: PathBuf,
    anchors: Vec<Anchor>,
    interval: Duration,
}

impl Notary {
    /// With its folder, who gets every checkpoint too, and how long lines may be without one.
    pub(crate) fn new(folder: PathBuf, anchors: Vec<Anchor>, interval: Duration) -> Self {
        Self { folder, anchors, interval }
    }

    /// How long lines that come in may be without a checkpoint.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// The folder that holds the key and the log of checkpoints.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes its folder, for its owner alone.
    pub(crate) fn make_folder(&self) -> io::Result<()> {
        key::make_folder(&self.folder)
    }

    /// The log of all checkpoints.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("checkpoints.jsonl")
    }

    /// The anchors that can be read back.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.anchors.iter().filter_map(|anchor| match anchor {
            Anchor::File(path) => Some(path.as_path()),
            Anchor::Command { .. } => None,
        })
    }

    /// The public key, if there is one yet.
    pub(crate) fn public(&self) -> Result<Option<String>> {
        Ok(key::load(&self.folder)?.map(|key| key::public(&key)))
    }

    /// The public key that may follow it.
    pub(crate) fn next_public(&self) -> Result<Option<String>> {
        Ok(key::load_next(&self.folder)?.map(|key| key::public(&key)))
    }

    /// Signs, keeps, and hands to the anchors. Where the log begins with this, `before` says what is there already:
    /// that comes first, and the caller hears of it.
    ///
    /// # Errors
    /// If nothing could be signed or kept. An anchor that takes nothing gets a warning, and is no error: `verify` tells
    /// what is not anchored.
    pub(crate) fn sign(
        &self,
        mut abouts: Vec<About>,
        before: impl FnOnce() -> io::Result<Option<Inherited>>,
    ) -> Result<Option<Inherited>> {
        if abouts.is_empty() {
            return Ok(None);
        }
        let told = || format!("{}: no checkpoint could be kept here", self.folder.display());
        let _lock = self.lock().with_context(told)?;
        let mut log = append_to(&self.log()).with_context(told)?;
        let last = last(&mut log).with_context(told)?;
        let inherited = if last.is_none() { before().with_context(told)? } else { None };
        abouts.splice(0..0, inherited.clone().map(About::Inherited));
        self.finish_rotation(last.as_ref())?;
        let lines = self.signed(last, abouts)?;
        log.write_all(lines.as_bytes()).and_then(|()| log.sync_data()).with_context(told)?;
        self.hand(&lines);
        Ok(inherited)
    }

    /// Makes the log shorter, in one step; `living` are the segments that are there. A log that is broken is left as it
    /// is: it is evidence.
    ///
    /// # Errors
    /// If the log cannot be read or written; it is then as it was.
    pub(crate) fn compact(&self, living: &BTreeSet<String>) -> Result<()> {
        let told = || format!("{}: cannot be made shorter", self.log().display());
        let _lock = self.lock().with_context(told)?;
        let book = Book::read(&self.log()).with_context(told)?.unbroken();
        let last = book.entries.last().map(|entry| (entry.checkpoint.clone(), entry.root.clone()));
        if !book.faults.is_empty() {
            return Ok(());
        }
        let Some((kept, sum)) = compact::compacted(book, living) else { return Ok(()) };
        let line = self.signed(last, vec![About::Compacted(sum)])?;
        let kept: String = kept.iter().map(|entry| format!("{}\n", entry.line)).collect();
        private_file::write(&self.log(), format!("{kept}{line}").as_bytes()).with_context(told)?;
        self.hand(&line);
        Ok(())
    }

    /// Held by whoever adds to the log.
    fn lock(&self) -> Result<Lock> {
        key::make_folder(&self.folder)?;
        match Lock::exclusive(&self.folder.join("lock"), WAIT)? {
            Some(lock) => Ok(lock),
            None => bail!("{}: another process has signed for {} s", self.folder.display(), WAIT.as_secs()),
        }
    }

    fn hand(&self, lines: &str) {
        for anchor in &self.anchors {
            if let Err(error) = anchor.hand(lines) {
                eprintln!("auditdb: {}: the anchor took no checkpoint ({error:#}); it is only signed", anchor.name());
            }
        }
    }

    fn signed(&self, last: Option<(Checkpoint, String)>, abouts: Vec<About>) -> Result<String> {
        let key = key::load_or_make(&self.folder)?;
        let (mut sequence, mut previous) =
            last.map_or_else(|| (0, BEGINNING.to_owned()), |(last, root)| (last.sequence, root));
        let mut lines = String::new();
        for about in abouts {
            sequence += 1;
            let time = Timestamp::now();
            let checkpoint = Checkpoint { format: 1, sequence, time, key: key::public(&key), previous, about };
            let (line, root) = checkpoint.sign(&key)?;
            lines.push_str(&line);
            previous = root;
        }
        Ok(lines)
    }

    /// Makes a new key, has the old one `sign` it, and puts it in its place. A crash in between is mended by the next
    /// checkpoint. Says the new public key.
    ///
    /// # Errors
    /// If the new key cannot be made, signed or put in place.
    pub(crate) fn rotate(&self, sign: impl FnOnce(Vec<About>) -> Result<()>) -> Result<String> {
        let next = key::public(&key::make_next(&self.folder)?);
        sign(vec![About::Rotated(Rotated { key: next.clone() })])?;
        key::turn(&self.folder)
            .with_context(|| format!("{}: the new key could not take its place", self.folder.display()))?;
        Ok(next)
    }

    /// The old key signed the next one, and died before that took its place.
    fn finish_rotation(&self, last: Option<&(Checkpoint, String)>) -> Result<()> {
        let Some((Checkpoint { about: About::Rotated(Rotated { key }), .. }, _)) = last else { return Ok(()) };
        if self.next_public()?.as_ref() == Some(key) {
            key::turn(&self.folder)?;
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// The last checkpoint in the log, and its root. What a crash left behind it is cut off.
fn last(log: &mut File) -> Result<Option<(Checkpoint, String)>> {
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
    let mut end = Vec::new();
    log.read_to_end(&mut end)?;
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    log.set_len(length - (end.len() - whole) as u64)?;
    let text = String::from_utf8_lossy(end.get(..whole).unwrap_or_default());
    let Some(line) = text.lines().last() else { return Ok(None) };
    wire::read(line).map(Some).map_err(|why| anyhow::anyhow!("the last checkpoint is none: {why}"))
}
