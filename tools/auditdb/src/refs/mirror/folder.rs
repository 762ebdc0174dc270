//! The folder of a mirror, on the disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a fetch left behind that was killed: packs that never became whole, and locks. One round at a time is at a
/// mirror.
pub(super) fn sweep(folder: &Path) {
    let entries = [folder.to_path_buf(), folder.join("objects/pack")].into_iter().flat_map(fs::read_dir).flatten();
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("tmp_") || name.ends_with(".lock")) {
            // What cannot be removed git will complain of.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Bytes that a folder of our own takes on the disk, or would without holes. What cannot be looked at counts nothing.
pub(super) fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) => found.len().max(512 * found.blocks()),
            Err(_) => 0,
        })
        .sum()
}
