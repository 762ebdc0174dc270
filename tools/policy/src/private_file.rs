//! A file that is either whole or not there, and that nobody but its owner reads: a key, or the rules that a boot
//! falls back on. In a folder that others may write, a link in its place leads nowhere.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tool::Lasting;

/// Writes a file of mode 0600 in one step: a reader sees the old one, none, or the whole new one.
///
/// # Errors
/// What the system says; then no draft is left.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    tool::replace(path, bytes, 0o600, Lasting::Synced)
}

/// Reads a file of at most `most` bytes: a regular one of this user's that is closed to others.
///
/// # Errors
/// If it is not that, with the mend where there is one, or cannot be read.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if !found.is_file() {
        return refuse("it is no regular file".to_owned());
    }
    if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        let (owner, mode) = (found.uid(), found.mode() & 0o7777);
        return refuse(format!("others may have had a hand in it (owner {owner}, mode {mode:04o}); remove it"));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { refuse(format!("it is larger than {most} bytes")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn it_is_written_for_its_owner_alone_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_others_may_have_written_or_lead_elsewhere_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("rules"), folder.path().join("link"));
        write(&path, b"rules").unwrap();
        symlink(&path, &link).unwrap();
        assert!(read(&link, 9).is_err());
        assert!(read(&path, 4).unwrap_err().to_string().contains("larger than 4 bytes"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(read(&path, 9).unwrap_err().to_string().contains("mode 0620"));
        assert!(read(folder.path(), 9).unwrap_err().to_string().contains("no regular file"));
    }
}
