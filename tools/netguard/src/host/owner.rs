//! Who keeps the moat of this network namespace: one watch. Two with two policies would undo each other's rules for
//! ever. In between, what one of them holds is open. The one that does holds a lock, and the file names it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use policy::PERMITS;
use rustix::fs::{FlockOperation, flock};

/// The most that is read of the file, in bytes: a number and a path (`PATH_MAX`).
const LONGEST: u64 = 4200;

/// The lock of the watch that keeps the moat here. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Owner {
    _lock: File,
}

impl Owner {
    /// Becomes it, for the rules of this policy file.
    ///
    /// # Errors
    /// If another watch is, or the lock cannot be had.
    pub(crate) fn become_it(policy: &Path) -> Result<Self> {
        let path = path()?;
        let told = || format!("the lock {} could not be taken", path.display());
        DirBuilder::new().recursive(true).mode(0o755).create(PERMITS).with_context(told)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).with_context(told)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("{}", refusal(&words(&mut file)));
        }
        file.set_len(0).with_context(told)?;
        file.write_all(format!("pid {}, policy {}", std::process::id(), origin(policy).display()).as_bytes())
            .with_context(told)?;
        Ok(Self { _lock: file })
    }
}

/// Refuses if a watch keeps the moat here, but for one with this policy.
///
/// # Errors
/// Who it is. That the lock cannot be looked at is no reason.
pub(crate) fn make_sure_of_none(but_with: Option<&Path>) -> Result<()> {
    let mut file = match path().map(File::open)? {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.context("the lock of a watch could not be looked at")?,
    };
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return Ok(());
    }
    let words = words(&mut file);
    match but_with.is_some_and(|policy| words.ends_with(&format!(", policy {}", origin(policy).display()))) {
        true => Ok(()),
        false => bail!("{}", refusal(&words)),
    }
}

/// The policy's file, by its real name.
pub(crate) fn origin(policy: &Path) -> PathBuf {
    policy.canonicalize().unwrap_or_else(|_| policy.to_owned())
}

fn words(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(LONGEST).read_to_string(&mut text);
    text
}

fn refusal(words: &str) -> String {
    let who = if words.is_empty() { "which does not say who it is" } else { words };
    format!(
        "another netguard watch keeps the moat here ({who}), and would undo this at once; end it first: \
        scripts/collect stop, or systemctl stop cellblock-moat-watch"
    )
}

fn path() -> Result<PathBuf> {
    let here = std::fs::metadata("/proc/self/ns/net").context("the network namespace could not be looked at")?;
    Ok(Path::new(PERMITS).join(format!("watch.{}", here.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refuses_is_named_and_what_to_do() {
        let refused = refusal("pid 7, policy /etc/cellblock/policy.toml");
        assert!(refused.contains("pid 7, policy /etc/cellblock/policy.toml") && refused.contains("collect stop"));
        assert!(refusal("").contains("does not say"));
    }
}
