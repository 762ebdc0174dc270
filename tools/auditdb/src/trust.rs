//! Is the database that people read still the one that we wrote?
//!
//! To hold every row against its line takes as long as a fold. So it is not done for each question. The kernel's own
//! word is cheap: whoever writes a file, or puts another in its place, changes its inode, size or change time. Nobody
//! can set these back. The folder of the key has what they were when we last wrote the database, or found each row
//! right. Where that differs, as after a crash or another program's write, all rows are checked first.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use tool::Lasting;

use crate::database::log_of;
use crate::store::Store;

/// What the kernel says of the database; `None` where it is not there, or its log is not played in.
pub(crate) fn stamp(store: &Store) -> Option<String> {
    if log_of(&store.database()).exists() {
        return None;
    }
    let file = fs::metadata(store.database()).ok()?;
    let (changed, written) = ((file.ctime(), file.ctime_nsec()), (file.mtime(), file.mtime_nsec()));
    Some(format!("{} {} {} {changed:?} {written:?}\n", file.dev(), file.ino(), file.size()))
}

/// Is it as it was left? One that is not there yet holds nothing false.
pub(crate) fn is_kept(store: &Store) -> bool {
    if !store.database().exists() {
        return !log_of(&store.database()).exists();
    }
    let kept = fs::read_to_string(file(store)).ok();
    kept.is_some() && kept == stamp(store)
}

/// Remembers it. Where that cannot be written, rows are checked again the next time.
pub(crate) fn keep(store: &Store, stamp: Option<String>) {
    let Some(stamp) = stamp else { return };
    let made = store.notary().make_folder();
    let _ = made.and_then(|()| tool::replace(&file(store), stamp.as_bytes(), 0o600, Lasting::Unsynced));
}

fn file(store: &Store) -> PathBuf {
    store.notary().folder().join("database")
}
