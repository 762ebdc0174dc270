//! Files and folders that nobody else reads. A file is whole, or it is not there.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, anyhow};
use policy::private_file;

/// A folder that only its owner enters: made if it is not there, refused if others may enter it.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the folder {} could not be made", path.display()))?;
    let mode = fs::symlink_metadata(path).with_context(|| path.display().to_string())?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(anyhow!(
            "{}: other users may enter this folder of keys (mode {:04o}); mend it: chmod 0700 {0}",
            path.display(),
            mode & 0o7777
        ));
    }
    Ok(())
}

/// Waits until nobody else works in this folder; others wait until what is returned here is dropped.
pub(crate) fn alone_in(folder: &Path) -> anyhow::Result<File> {
    let lock = File::open(folder).with_context(|| folder.display().to_string())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
        .with_context(|| format!("{} could not be locked", folder.display()))?;
    Ok(lock)
}

/// Writes a file of mode 0600 in one step: a reader sees the old one, none, or the whole new one.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    private_file::write(path, bytes).with_context(|| format!("{} could not be written", path.display()))
}

/// Gives a file another name in the same folder, for good.
pub(crate) fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to)
        .and_then(|()| tool::sync_folder(to))
        .with_context(|| format!("{} could not become {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_keys_that_others_may_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        private_folder(&path).unwrap();
        private_folder(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let error = private_folder(&path).unwrap_err().to_string();
        assert!(error.contains("mode 0755") && error.contains("chmod 0700"), "{error}");
    }
}
