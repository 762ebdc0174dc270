//! What is left where a file was: plain text that says what happened, and whom to ask.
//!
//! Nothing in it was chosen by whoever wrote the file, its name least of all. A name that matches a signature would
//! make the tombstone itself be found, and its tombstone, and so on.

use std::io::Read as _;

use rustix::fs::{Mode, OFlags, fchmod, openat};
use rustix::io::Errno;

use crate::share::directory::Spot;

/// The first line of a tombstone; only such a file is one.
const HEAD: &str = "The file that was here has been taken away by the warden of this share (scanwatch).";
/// The largest tombstone, in bytes; in truth they have some hundred.
const MAX: u64 = 4096;

/// What a tombstone says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tombstone<'a> {
    /// The id to ask a person about.
    pub(crate) id: &'a str,
    /// When the file was taken away, as RFC 3339 has it.
    pub(crate) when: &'a str,
    /// The signature's name, or why it could not be scanned.
    pub(crate) found: &'a str,
    /// SHA-256 of what was here, in hex.
    pub(crate) sha256: &'a str,
    /// Is the content kept in the jail?
    pub(crate) kept: bool,
}

impl std::fmt::Display for Tombstone<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEAD}")?;
        writeln!(f)?;
        writeln!(f, "found:   {}", self.found)?;
        writeln!(f, "when:    {}", self.when)?;
        writeln!(f, "sha256:  {}", self.sha256)?;
        writeln!(f, "id:      {}", self.id)?;
        writeln!(f, "content: {}", if self.kept { "kept in the jail" } else { "not kept" })?;
        writeln!(f)?;
        writeln!(f, "If this is a mistake, ask the person who runs this machine and give the id:")?;
        writeln!(f, "'scanwatch jail show {0}' tells the facts, 'scanwatch jail restore {0}' brings it back.", self.id)
    }
}

/// Leaves it at the spot: a new file, mode 0444, never over what is there.
pub(crate) fn leave(spot: &Spot, tombstone: &Tombstone<'_>) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::RGRP | Mode::ROTH;
    let file = openat(&spot.folder, &spot.name, flags, mode)?;
    let text = tombstone.to_string();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    // Whatever the umask took off: everybody may read why the file is gone.
    fchmod(&file, mode)
}

/// Does the tombstone of this entry stand at the spot?
pub(crate) fn is_tombstone_of(spot: &Spot, id: &str) -> bool {
    let Ok(fd) = spot.open() else { return false };
    let mut text = String::new();
    let read = std::fs::File::from(fd).take(MAX).read_to_string(&mut text);
    read.is_ok() && text.starts_with(HEAD) && text.lines().any(|line| line.strip_prefix("id:      ") == Some(id))
}
