//! The key behind the marks of secrets: who sees a mark cannot try words until one fits. The same secret has the same
//! mark on this machine for ever.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use policy::private_file;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::private_files;

/// Bytes of the key, and of a mark: 48 bits tell the secrets of one machine apart.
const KEY: usize = 32;
const MARK: usize = 6;

/// Makes marks (HMAC-SHA-256, RFC 2104).
#[derive(Debug, Clone)]
pub(super) struct Marks(hmac::Key);

impl Marks {
    fn of(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A secret's mark, in hex.
    pub(super) fn of_secret(&self, secret: &str) -> String {
        let whole = hmac::sign(&self.0, secret.as_bytes());
        hex::encode(whole.as_ref().get(..MARK).unwrap_or_default())
    }

    /// With the key in this folder, which is made at first use.
    ///
    /// # Errors
    /// If it can neither be read nor made, or others than its owner can read it.
    pub(super) fn within(folder: &Path) -> anyhow::Result<Self> {
        private_files::private_folder(folder)?;
        // Of two that make one at once, the second finds the first one's.
        let _alone = private_files::alone_in(folder)?;
        let path = folder.join("marks");
        let key = match private_file::read(&path, KEY as u64 + 1) {
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path)?,
            read => read.with_context(|| format!("{}: is not used; chmod 600 it, or remove it", path.display()))?,
        };
        ensure!(key.len() == KEY, "{}: has not {KEY} bytes; remove it", path.display());
        Ok(Self::of(&key))
    }
}

fn make(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut key = vec![0; KEY];
    SystemRandom::new().fill(&mut key).map_err(|_| anyhow!("the kernel gave no random bytes"))?;
    private_files::write_private(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_mark_is_the_same_for_the_same_secret_and_key_and_for_no_other() {
        let (one, other) = (Marks::of(&[1; KEY]), Marks::of(&[2; KEY]));
        assert_eq!(one.of_secret("a"), one.of_secret("a"));
        assert_eq!(one.of_secret("a").len(), 2 * MARK);
        assert_ne!(one.of_secret("a"), one.of_secret("b"));
        assert_ne!(one.of_secret("a"), other.of_secret("a"));
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_alone_and_one_that_others_read_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("audit.key");
        let first = Marks::within(&folder).unwrap().of_secret("a");
        assert_eq!(Marks::within(&folder).unwrap().of_secret("a"), first);
        let key = folder.join("marks");
        assert_eq!((mode(&folder), mode(&key)), (0o700, 0o600));
        fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
        assert!(format!("{:#}", Marks::within(&folder).unwrap_err()).contains("chmod 600"));
    }

    #[test]
    fn a_link_or_half_a_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("audit.key");
        private_files::private_folder(&folder).unwrap();
        let key = folder.join("marks");
        std::os::unix::fs::symlink("/etc/hostname", &key).unwrap();
        assert!(Marks::within(&folder).is_err());
        fs::remove_file(&key).unwrap();
        private_files::write_private(&key, b"short").unwrap();
        assert!(format!("{:#}", Marks::within(&folder).unwrap_err()).contains("32 bytes"));
    }
}
