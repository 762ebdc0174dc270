//! A file that is replaced in one step: a reader sees the old one, none, or the whole new one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What a power cut may do to a file that was just replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// Nothing: it is on the disk, and so is its name.
    Synced,
    /// Take it away, or bring the old one back. Whoever reads it can do without.
    Unsynced,
}

/// Replaces a file, or makes it, with this mode and whatever the umask says.
///
/// It is written beside its place, into a draft that is always a new file (`O_EXCL`). So in a folder that others may
/// write, a link in the draft's place leads nowhere.
///
/// # Errors
/// What the system says; then no draft is left.
pub fn replace(path: &Path, bytes: &[u8], mode: u32, lasting: Lasting) -> io::Result<()> {
    let draft = draft_path(path);
    let written = write(&draft, bytes, mode, lasting).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The draft may hold half a key. That it can't be removed changes nothing about the error told.
        let _ = fs::remove_file(&draft);
    }
    written?;
    if lasting == Lasting::Synced { sync_folder(path) } else { Ok(()) }
}

/// Makes names in a file's folder outlast a power cut.
///
/// # Errors
/// What the system says.
pub fn sync_folder(of: &Path) -> io::Result<()> {
    // A bare name has the empty path as its parent, which nobody can open.
    let folder = of.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".draft.{}", std::process::id()));
    path.with_file_name(name)
}

fn write(draft: &Path, bytes: &[u8], mode: u32, lasting: Lasting) -> io::Result<()> {
    let mut file = create(draft, mode)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    if lasting == Lasting::Synced { file.sync_all() } else { Ok(()) }
}

fn create(draft: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    match options.open(draft) {
        // One that had our number, and was killed.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(draft)?;
            options.open(draft)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_no_draft_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        for (bytes, mode, lasting) in [(b"one", 0o600, Lasting::Synced), (b"two", 0o666, Lasting::Unsynced)] {
            replace(&path, bytes, mode, lasting).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
            assert_eq!(names(folder.path()), 1);
        }
    }

    #[test]
    fn what_cannot_take_its_place_leaves_no_draft_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"secret", 0o600, Lasting::Synced).is_err());
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn a_draft_that_a_killed_run_left_or_a_link_in_its_place_is_removed_and_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("mark"), folder.path().join("victim"));
        fs::write(&victim, b"mine").unwrap();
        symlink(&victim, draft_path(&path)).unwrap();
        replace(&path, b"new", 0o600, Lasting::Unsynced).unwrap();
        fs::write(draft_path(&path), b"half of an old on").unwrap();
        replace(&path, b"newer", 0o600, Lasting::Unsynced).unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&victim).unwrap()), (b"newer".to_vec(), b"mine".to_vec()));
        assert_eq!(names(folder.path()), 2);
    }

    #[test]
    fn a_link_in_the_file_s_own_place_is_replaced_and_not_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("rules"), folder.path().join("link"));
        fs::write(&path, b"rules").unwrap();
        symlink(&path, &link).unwrap();
        replace(&link, b"new", 0o600, Lasting::Synced).unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&link).unwrap()), (b"rules".to_vec(), b"new".to_vec()));
    }
}
