//! The permit: a file that is there while the moat holds. Docker mounts it into the services. So nobody and no tool can
//! start one of them while there is no moat: after a boot, or when it was taken away.
//!
//! It names the network namespace that it was granted in. Whoever looks after another one, a lab say, leaves it alone.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use policy::{PERMITS, Policy};
use record::Outcome;
use tool::Lasting;

/// The most that is read of a permit, in bytes: a namespace has some twenty letters.
const LONGEST: u64 = 64;

/// May Docker start what is behind the moat? By the outcomes of the rules, and of what could make them worthless. Each
/// of the latter says whether it is about a promise. A network that is cut off, or that nobody can tell of, is a
/// finding and no hole. A host whose internet is away at boot starts its cell all the same. Nothing checked is no yes.
pub(crate) fn verdict(
    rules: impl IntoIterator<Item = Outcome>,
    around: impl IntoIterator<Item = (Outcome, bool)>,
) -> Outcome {
    let mut rules: Vec<Outcome> = rules.into_iter().collect();
    if rules.is_empty() {
        return Outcome::Unknown;
    }
    rules.extend(around.into_iter().filter(|(_, promise)| !promise).map(|(outcome, _)| outcome));
    [Outcome::Failure, Outcome::Unknown].into_iter().find(|worst| rules.contains(worst)).unwrap_or(Outcome::Success)
}

/// The permit of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permit(PathBuf);

impl Permit {
    /// The permit of this policy's installation.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self(policy.permit())
    }

    /// Says that the moat of this network namespace holds. The file stays the same one as long as the machine runs:
    /// services that run have it mounted, and an audit sees what that is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn grant(&self) -> Result<()> {
        let here = here()?;
        if namespace(&self.0).as_deref() == Some(&here) {
            return Ok(());
        }
        let told = || format!("the permit {} could not be written", self.0.display());
        let folder = self.0.parent().with_context(told)?;
        DirBuilder::new().recursive(true).mode(0o755).create(folder).with_context(told)?;
        if namespace(&self.aside()).as_deref() == Some(&here) {
            return fs::rename(self.aside(), &self.0).with_context(told);
        }
        tool::replace(&self.0, format!("{here}\n").as_bytes(), 0o444, Lasting::Unsynced).with_context(told)
    }

    /// Takes it away, if it is this namespace's: puts it aside, where nobody looks for it.
    ///
    /// # Errors
    /// If it is there and cannot be renamed.
    pub(crate) fn withdraw(&self) -> Result<()> {
        if namespace(&self.0) != Some(here()?) {
            return Ok(());
        }
        fs::rename(&self.0, self.aside()).with_context(|| format!("{} could not be taken away", self.0.display()))
    }

    fn aside(&self) -> PathBuf {
        policy::put_aside(&self.0)
    }
}

/// Takes every permit of this network namespace away, whatever policy it was granted for.
///
/// # Errors
/// If one is there and cannot be removed.
pub(crate) fn withdraw_all() -> Result<()> {
    let entries = match fs::read_dir(PERMITS) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| PERMITS.to_owned())?,
    };
    for entry in entries {
        Permit(entry.with_context(|| PERMITS.to_owned())?.path().join("moat")).withdraw()?;
    }
    Ok(())
}

/// This process's network namespace, as the kernel names it: `net:[4026531840]` (namespaces(7)).
fn here() -> Result<String> {
    let link = fs::read_link("/proc/self/ns/net").context("this process's network namespace cannot be told")?;
    Ok(link.display().to_string())
}

/// The namespace that a permit names; nothing where there is none.
fn namespace(permit: &Path) -> Option<String> {
    let mut said = String::new();
    fs::File::open(permit).ok()?.take(LONGEST).read_to_string(&mut said).ok()?;
    Some(said.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_cell_from_the_internet_is_no_reason_to_keep_it_down_and_a_hole_is() {
        use Outcome::{Failure, Success, Unknown};
        assert_eq!(verdict([Success], [(Success, false), (Unknown, true), (Failure, true)]), Success);
        assert_eq!(verdict([Success], [(Unknown, false)]), Unknown);
        assert_eq!(verdict([Success, Failure], [(Unknown, false)]), Failure);
        assert_eq!(verdict([Success], [(Failure, false)]), Failure);
        assert_eq!(verdict([], [(Success, false)]), Unknown, "nothing checked is no yes");
    }

    #[test]
    fn a_permit_is_granted_once_and_withdrawn_and_another_namespace_s_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let permit = Permit(folder.path().join("one/moat"));
        permit.grant().unwrap();
        let inode = |permit: &Permit| std::os::unix::fs::MetadataExt::ino(&fs::metadata(&permit.0).unwrap());
        let first = inode(&permit);
        permit.grant().unwrap();
        assert_eq!(inode(&permit), first, "what is mounted stays the same file");
        assert_eq!(namespace(&permit.0), Some(here().unwrap()));
        permit.withdraw().unwrap();
        assert!(!permit.0.exists());
        permit.withdraw().unwrap();
        permit.grant().unwrap();
        assert_eq!(inode(&permit), first, "and so does one that comes back");
        permit.withdraw().unwrap();
        fs::write(&permit.0, "net:[1]\n").unwrap();
        permit.withdraw().unwrap();
        assert!(permit.0.exists(), "it is not ours");
        permit.grant().unwrap();
        assert_eq!(namespace(&permit.0), Some(here().unwrap()), "an installation has one moat");
    }
}
