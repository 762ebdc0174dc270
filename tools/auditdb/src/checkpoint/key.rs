//! The key: Ed25519 (RFC 8032), made at first use, readable by its owner alone.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use policy::private_file;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// The most that a key takes, in bytes: PKCS #8 of Ed25519 (RFC 8410) has some eighty.
const LONGEST: u64 = 4096;

/// Where the key lies in its folder.
fn file(folder: &Path) -> PathBuf {
    folder.join("key.pk8")
}

/// Where the next key lies, until the one before it has signed it.
fn next_file(folder: &Path) -> PathBuf {
    folder.join("key.next.pk8")
}

/// Makes the folder, for its owner alone.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The key that is there.
///
/// # Errors
/// If it cannot be read, is none, or others may read it too.
pub(crate) fn load(folder: &Path) -> Result<Option<Ed25519KeyPair>> {
    read(&file(folder))
}

/// The key that was made to follow it, and whose turn a crash may have kept from coming.
pub(crate) fn load_next(folder: &Path) -> Result<Option<Ed25519KeyPair>> {
    read(&next_file(folder))
}

fn read(path: &Path) -> Result<Option<Ed25519KeyPair>> {
    let bytes = match private_file::read(path, LONGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.with_context(|| {
            format!("{}: is not used; `chmod 600` it, or delete it if others read it", path.display())
        })?,
    };
    let key = Ed25519KeyPair::from_pkcs8(&bytes);
    key.map(Some).map_err(|_| anyhow!("{}: is no Ed25519 key; put the right one back", path.display()))
}

/// The key; a new one where there is none. Whoever calls holds the folder's lock.
pub(super) fn load_or_make(folder: &Path) -> Result<Ed25519KeyPair> {
    if let Some(key) = load(folder)? {
        return Ok(key);
    }
    make(&file(folder))
}

/// Makes the key that follows.
pub(super) fn make_next(folder: &Path) -> Result<Ed25519KeyPair> {
    make(&next_file(folder))
}

/// Puts the next key in the place of the one that has signed it.
pub(super) fn turn(folder: &Path) -> io::Result<()> {
    std::fs::rename(next_file(folder), file(folder))?;
    tool::sync_folder(&file(folder))
}

fn make(path: &Path) -> Result<Ed25519KeyPair> {
    let made =
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| anyhow!("no random bytes for a key"))?;
    private_file::write(path, made.as_ref()).with_context(|| format!("{}: cannot be made", path.display()))?;
    read(path)?.context("the key that was just made is gone")
}

/// The public half, 64 hex digits.
pub(crate) fn public(key: &Ed25519KeyPair) -> String {
    hex::encode(key.public_key().as_ref())
}

/// Did the holder of this public key sign it?
pub(super) fn signed(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}
