//! `cellblock.scan.*`: what the warden knows of a file, a queue or the jail that ECS has no word for.

use crate::fields::field_set;

field_set! {
    /// A verdict, and what led to it.
    Scan {
        /// `clean`, `infected`, `unscanned` or `error`.
        verdict: String,
        /// Why a file was not scanned: `too-large`, `encrypted`, `limits-exceeded`, `special-file`, `vanished`, …
        why: String,
        /// The engine's own word for itself and its signatures.
        engine: String,
        /// Nanoseconds from the first sight of the change to the start of the scan.
        queued: u64,
        /// How often the scan was begun.
        attempts: u32,
        /// Further changes of the file that this scan stands for: none was scanned by itself.
        merged: u32,
        /// Someone held the file open for writing, or mapped, when it was scanned.
        open_writer: bool,
        /// Names the inode had beyond the one that was removed.
        other_links: u64,
        /// Where the content went: the id in the jail.
        jail_id: String,
        /// Is the content kept in the jail?
        kept: bool,
        /// Was the name removed?
        removed: bool,
        /// Was the inode emptied, for whoever else holds it?
        emptied: bool,
        /// Was a tombstone left in its place?
        tombstone: bool,
        /// Files that wait to be scanned.
        depth: u64,
        /// Nanoseconds that the one at the head of the queue has waited.
        oldest: u64,
        /// What a walk was for: `start`, `interval`, `overflow`, `database`.
        walk: String,
        /// Files that a walk saw.
        seen: u64,
        /// Files of them that had changed, and were queued.
        queued_files: u64,
        /// Directories that a walk saw.
        directories: u64,
    }
}
