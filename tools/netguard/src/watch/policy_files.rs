//! The policy that is kept, as of now. A follower that held on to the policy it began with would take back what
//! somebody changed since. That may be a new range that is denied, or a hole that was closed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use ipnet::IpNet;
use policy::{Deny, Policy, PolicyArgs};
use record::Record;

use crate::backend::Backend;
use crate::host::interfaces::Machine;
use crate::report;
use crate::rules::from_policy;
use crate::rules::plan::Plan;
use crate::watch::last_good::Saved;

/// What is kept, and what the files looked like when they were read.
pub(crate) struct PolicyFiles<'a> {
    args: &'a PolicyArgs,
    source: Source,
    stamps: Stamps,
    readable: bool,
}

/// What the rules come from.
enum Source {
    /// A policy, and what its deny lists name.
    Policy(Box<Policy>, Vec<IpNet>),
    /// The last good rules, as long as there is no policy; and whether they are closed.
    Saved(Box<Saved>, bool),
}

/// Of the policy, and of its deny lists as far as it could be read.
type Stamps = Vec<(PathBuf, Option<Stamp>)>;

/// Device, inode, size, and both times in nanoseconds: whoever replaces or writes a file changes one of them.
type Stamp = (u64, u64, u64, i128, i128);

/// What has become of the policy since the last look.
#[derive(Debug)]
pub(crate) enum News {
    /// No file of the policy changed.
    Same,
    /// It was changed, and is kept as it is now.
    Changed,
    /// It was changed, and cannot be read; the last good one is kept.
    Broken(anyhow::Error),
}

impl<'a> PolicyFiles<'a> {
    /// Reads the policy for the first time. If that cannot be done, the last good rules take its place, where they are
    /// kept; then it returns what tells of it.
    ///
    /// # Errors
    /// If it is no policy, or a deny list cannot be read; and there are no last good rules.
    pub(crate) fn open(
        args: &'a PolicyArgs,
        keep: Option<&Path>,
        backend: &dyn Backend,
    ) -> Result<(Self, Option<Record>)> {
        let file = policy::locate(args.policy.as_deref())?;
        let (stamps, read) = look(args, file);
        match (read, keep) {
            (Ok(source), _) => Ok((Self { args, source, stamps, readable: true }, None)),
            (Err(broken), None) => Err(broken),
            (Err(broken), Some(keep)) => {
                let saved = Saved::read(keep).map_err(|none| from_policy::both(&broken, &none))?;
                let closed = saved.closes(backend)?;
                let told = report::saved_used(&broken, &saved.told, &saved.bridges(), closed);
                Ok((Self { args, source: Source::Saved(Box::new(saved), closed), stamps, readable: false }, Some(told)))
            }
        }
    }

    /// The path of the policy's own file.
    pub(crate) fn file(&self) -> &Path {
        self.stamps.first().map_or(Path::new(""), |(file, _)| file)
    }

    /// The policy, or the last good one.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        match &self.source {
            Source::Policy(policy, _) => Some(policy),
            Source::Saved(..) => None,
        }
    }

    /// The policy, if it could be read when it was last looked at.
    pub(crate) fn good(&self) -> Option<&Policy> {
        self.policy().filter(|_| self.readable)
    }

    /// The plan, on the networks that this machine is on now.
    ///
    /// # Errors
    /// If the kernel does not tell them.
    pub(crate) fn plan(&self) -> Result<(Plan, Machine)> {
        let machine = Machine::read()?;
        let plan = match &self.source {
            Source::Policy(policy, listed) => {
                Plan::new(policy, listed, &machine.on_link(&from_policy::bridges(policy)))
            }
            Source::Saved(saved, closed) => {
                let plan = saved.plan(&machine.on_link(&saved.bridges()));
                if *closed { plan.closed() } else { plan }
            }
        };
        Ok((plan, machine))
    }

    /// Looks whether a file changed, and reads all of them again if one did. A broken policy is told once.
    pub(crate) fn refresh(&mut self) -> News {
        let now: Stamps = self.stamps.iter().map(|(path, _)| (path.clone(), stamp(path))).collect();
        if now == self.stamps {
            return News::Same;
        }
        let (stamps, read) = look(self.args, self.file().to_owned());
        (self.stamps, self.readable) = (stamps, read.is_ok());
        match read {
            Ok(source) => {
                self.source = source;
                News::Changed
            }
            Err(error) => News::Broken(error),
        }
    }
}

/// The files are looked at before they are read: what is written in between is seen at the next look.
fn look(args: &PolicyArgs, file: PathBuf) -> (Stamps, Result<Source>) {
    let stamp = stamp(&file);
    let policy = Policy::load(&file, args.root.as_deref());
    let mut stamps = vec![(file, stamp)];
    let read = policy.map_err(anyhow::Error::from).and_then(|policy| {
        stamps.extend(lists(&policy).map(|list| (list.clone(), self::stamp(&list))));
        let listed = from_policy::denied_ranges(&policy)?;
        Ok(Source::Policy(Box::new(policy), listed))
    });
    (stamps, read)
}

fn lists(policy: &Policy) -> impl Iterator<Item = PathBuf> {
    policy.moat.deny.iter().filter_map(|deny| match deny {
        Deny::File(path) => Some(path.clone()),
        Deny::Net(_) | Deny::SpecialPurpose | Deny::OnLink => None,
    })
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    let time = |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    let (written, changed) = (time(found.mtime(), found.mtime_nsec()), time(found.ctime(), found.ctime_nsec()));
    Some((found.dev(), found.ino(), found.size(), written, changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../../compose/policy.toml");

    fn with_list(list: &str) -> String {
        SHIPPED.replace("\"on-link\"]", &format!("\"on-link\", \"{list}\"]"))
    }

    #[test]
    fn a_policy_and_its_lists_are_read_again_when_they_change_and_a_broken_one_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let (file, list) = (folder.path().join("policy.toml"), folder.path().join("list.txt"));
        fs::write(&list, "8.8.4.0/24\n").unwrap();
        fs::write(&file, with_list("list.txt")).unwrap();
        let args = PolicyArgs { policy: Some(file.clone()), root: Some(folder.path().to_owned()) };
        let listed = |kept: &PolicyFiles<'_>| match &kept.source {
            Source::Policy(_, listed) => listed.len(),
            Source::Saved(..) => 0,
        };
        let (stamps, source) = look(&args, file.clone());
        let mut kept = PolicyFiles { args: &args, source: source.unwrap(), stamps, readable: true };
        assert!(matches!(kept.refresh(), News::Same));
        fs::write(&list, "8.8.4.0/24\n9.9.8.0/24\n").unwrap();
        assert!(matches!(kept.refresh(), News::Changed));
        assert_eq!(listed(&kept), 2);
        fs::write(&file, "nonsense =").unwrap();
        assert!(matches!(kept.refresh(), News::Broken(_)));
        assert!(kept.policy().is_some() && kept.good().is_none(), "the last good one is kept, and permits nothing new");
        assert!(matches!(kept.refresh(), News::Same));
        assert_eq!(listed(&kept), 2);
        fs::remove_file(&file).unwrap();
        assert!(matches!(kept.refresh(), News::Broken(_)));
        fs::write(&file, SHIPPED).unwrap();
        assert!(matches!(kept.refresh(), News::Changed));
        assert!(kept.good().is_some());
        assert_eq!(listed(&kept), 0);
    }
}
