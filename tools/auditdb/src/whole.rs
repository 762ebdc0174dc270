//! A file that is there whole or not at all: written beside its place, brought to the disk, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::OFlags;

/// Writes it, and gives back what the writing did.
///
/// # Errors
/// If it cannot be written; what stood there before still does.
pub(crate) fn write<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let part = part_of(path)?;
    let done = fill_file(&part, fill).inspect_err(|_| drop(fs::remove_file(&part)))?;
    put(&part, path)?;
    Ok(done)
}

/// The same, for who writes by the file's descriptor.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_opened<T>(path: &Path, fill: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let part = part_of(path)?;
    let done = fill_opened(&part, fill).inspect_err(|_| drop(fs::remove_file(&part)))?;
    put(&part, path)?;
    Ok(done)
}

/// Fills a file and brings it to the disk.
pub(crate) fn fill_file<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    fill_opened(path, |file| {
        let mut out = BufWriter::new(file);
        let done = fill(&mut out)?;
        out.flush()?;
        Ok(done)
    })
}

/// Fills a file through its descriptor, and brings it to the disk.
pub(crate) fn fill_opened<T>(path: &Path, fill: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let mut options = OpenOptions::new();
    // In a folder that others write too, a link in its place would lead root's hand to any file.
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = opened.with_context(|| format!("{}: cannot be written", path.display()))?;
    let done = fill(&file).map_err(|error| of_this_file(error, path))?;
    file.sync_all().with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(done)
}

/// Gives a filled file its name, for good.
pub(crate) fn put(part: &Path, path: &Path) -> Result<()> {
    fs::rename(part, path).with_context(|| format!("{}: cannot be put in place", path.display()))?;
    tool::sync_folder(path).with_context(|| format!("{}: its folder cannot be synced", path.display()))
}

/// Where it is written until it is whole.
pub(crate) fn part_of(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("{}: is no name of a file", path.display()))?;
    Ok(path.with_file_name(format!(".{}.part", name.to_string_lossy())))
}

/// What writes anywhere speaks of standard output; here it was this file.
fn of_this_file(error: anyhow::Error, path: &Path) -> anyhow::Error {
    match error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>()) {
        Some(cause) => anyhow::anyhow!("{}: cannot be written: {cause}", path.display()),
        None => error,
    }
}
