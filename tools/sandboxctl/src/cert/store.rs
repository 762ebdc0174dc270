//! Where the pairs are kept: `<root>/vault/`, mode 0700, files of mode 0600.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use policy::Policy;
use zeroize::Zeroizing;

use super::pair::Pair;
use crate::private_files;

/// Larger than any PEM of ours by far, in bytes.
const MAX_PEM: u64 = 64 * 1024;

/// Which of the two pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The pair in use.
    Current,
    /// Its successor: the clients know its pin, its key is not in use yet.
    Next,
}

impl Slot {
    /// The word for it in a message.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
        }
    }
}

/// The folder of the vault's certificates and keys.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The one that belongs to the policy.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self { folder: policy.root.join("vault") }
    }

    /// Makes the folder, or checks that nobody else may enter it; then keeps others of us out of it until what is
    /// returned is dropped. So no key of one run meets the certificate of another.
    pub(crate) fn prepare(&self) -> anyhow::Result<File> {
        private_files::private_folder(&self.folder)?;
        private_files::alone_in(&self.folder)
    }

    /// Is there a certificate, whose pin somebody may know? A key alone is what a broken write leaves.
    pub(crate) fn holds(&self, slot: Slot) -> bool {
        self.certificate(slot).exists()
    }

    /// Where the key of a slot lies.
    pub(crate) fn key(&self, slot: Slot) -> PathBuf {
        self.path(slot, "key.pem")
    }

    /// Where the certificate of a slot lies.
    pub(crate) fn certificate(&self, slot: Slot) -> PathBuf {
        self.path(slot, "cert.pem")
    }

    fn path(&self, slot: Slot, name: &str) -> PathBuf {
        match slot {
            Slot::Current => self.folder.join(name),
            Slot::Next => self.folder.join(format!("next-{name}")),
        }
    }

    /// Reads a pair.
    ///
    /// # Errors
    /// If it is not there, not readable, or not a pair.
    pub(crate) fn read(&self, slot: Slot) -> anyhow::Result<Pair> {
        let (key, certificate) = (self.key(slot), self.certificate(slot));
        let pem = |path: &Path| read_bounded(path).map_err(|error| missing(path, error));
        Pair::read(pem(&key)?, pem(&certificate)?.to_vec())
            .with_context(|| format!("{} and {}", key.display(), certificate.display()))
    }

    /// Writes a pair: the key first, so that a certificate is never shown that nobody can serve.
    pub(crate) fn write(&self, slot: Slot, pair: &Pair) -> anyhow::Result<()> {
        private_files::write_private(&self.key(slot), pair.key())?;
        private_files::write_private(&self.certificate(slot), pair.certificate())
    }

    /// Puts the next pair in the place of the current one. If this stops half-way, `read` tells of a
    /// certificate that does not fit its key, and asking again finishes it.
    pub(crate) fn promote(&self) -> anyhow::Result<()> {
        let (key, certificate) = (self.key(Slot::Next), self.certificate(Slot::Next));
        if key.exists() {
            self.read(Slot::Next).context("the next certificate can't take its place")?;
            private_files::rename(&key, &self.key(Slot::Current))?;
        }
        private_files::rename(&certificate, &self.certificate(Slot::Current))
    }
}

fn read_bounded(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 * 1024));
    File::open(path)?.take(MAX_PEM).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn missing(path: &Path, error: std::io::Error) -> anyhow::Error {
    let mend = match error.kind() {
        ErrorKind::NotFound => {
            "make it with: sandboxctl cert create (--renew if its certificate is there and its key is lost)"
        }
        ErrorKind::PermissionDenied => "it belongs to root: run this as root",
        _ => "",
    };
    anyhow!(error).context(format!("{} can't be read; {mend}", path.display()))
}
