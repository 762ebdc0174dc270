//! What tells one state of a file from another: device, inode, size and both times. Whoever writes
//! sets mtime as he likes; ctime is the kernel's own, so it is the one that counts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record::fields::File;
use rustix::fs::{FileType, Stat};

/// Which file it is, whatever it is called: device and inode.
pub(crate) type Identity = (u64, u64);

/// One life of an inode: its number is used again, at once on ext4. The new file has nothing to do with the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// Device and inode number.
    pub(crate) identity: Identity,
    /// When the kernel made it, in seconds and nanoseconds since 1970; nobody can set it. `None` where the file system
    /// keeps no such time: a new file then counts as the old one, so it is scanned sooner, never later.
    pub(crate) born: Option<(i64, u32)>,
}

/// A file's state at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Device and inode number.
    pub(crate) identity: Identity,
    /// Length in bytes.
    pub(crate) size: u64,
    /// Last change of content, as the file says: nanoseconds since 1970.
    pub(crate) mtime: i64,
    /// Last change of anything, by the kernel's clock: nanoseconds since 1970.
    pub(crate) ctime: i64,
}

impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        Self {
            identity: (stat.st_dev, stat.st_ino),
            size: size(stat),
            mtime: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// How far the kernel's time stamps lag behind its clock: they are taken from the tick, 10 ms apart
/// at `HZ=100`. A change within the same tick leaves the same ctime (what git calls racily clean).
const TICK: Duration = Duration::from_millis(20);

impl Stamp {
    /// Can this state be told from a later one? Not if its ctime is fresh: a change after `began` (when reading of it
    /// began) could have got the same.
    pub(crate) fn is_settled(&self, began: SystemTime) -> bool {
        let limit = began.checked_sub(TICK).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        limit.and_then(|limit| i64::try_from(limit.as_nanos()).ok()).is_some_and(|limit| self.ctime < limit)
    }
}

/// The file's size in bytes.
pub(crate) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The file's kind: regular, directory, symbolic link, …
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Wrapping: an absurd time must only differ from others, it need not be right.
fn nanoseconds(seconds: i64, rest: u64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(rest.cast_signed())
}

/// The part of a record's `file.*` that a stat tells.
pub(crate) fn describe(file: &mut File, stat: &Stat) {
    file.size = Some(size(stat));
    file.inode = Some(stat.st_ino.to_string());
    file.device = Some(format!("{}:{}", rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev)));
    file.mode = Some(format!("{:04o}", stat.st_mode & 0o7777));
    file.uid = Some(stat.st_uid.to_string());
    file.kind = Some(kind_name(kind(stat)).to_owned());
}

/// The kind's name in ECS `file.type`.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "dir",
        FileType::Symlink => "symlink",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        _ => "device",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_as_fresh_as_the_scan_is_not_to_be_trusted() {
        let began = UNIX_EPOCH + Duration::from_secs(1_000);
        let stamp = |ctime| Stamp { identity: (1, 2), size: 3, mtime: 0, ctime };
        assert!(stamp(999_900_000_000).is_settled(began));
        assert!(!stamp(999_990_000_000).is_settled(began));
        assert!(!stamp(1_000_000_000_000).is_settled(began));
        assert!(!stamp(2_000_000_000_000).is_settled(began), "a time in the future says nothing");
    }
}
