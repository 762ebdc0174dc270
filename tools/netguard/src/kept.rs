//! The policy that is kept, as of now. A follower that held on to the policy it began with would take back
//! what somebody changed since: a new range that is denied, a hole that was closed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::Result;
use ipnet::IpNet;
use policy::{Deny, Policy, PolicyArgs};

use crate::machine::Machine;
use crate::plan::Plan;
use crate::run;

/// A policy, its deny lists, and what the files looked like when they were read.
pub(crate) struct Kept<'a> {
    args: &'a PolicyArgs,
    policy: Policy,
    listed: Vec<IpNet>,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
}

/// Device, inode, size, and both times in nanoseconds: whoever replaces or writes a file changes one of them.
type Stamp = (u64, u64, u64, i128, i128);

/// What has become of the policy since the last look.
#[derive(Debug)]
pub(crate) enum News {
    /// Nothing.
    Same,
    /// It was changed, and is kept as it is now.
    Changed,
    /// It was changed, and cannot be read; the last good one is kept.
    Broken(anyhow::Error),
}

impl<'a> Kept<'a> {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// If it is no policy, or a deny list cannot be read.
    pub(crate) fn open(args: &'a PolicyArgs) -> Result<Self> {
        // Looked at before they are read: what is written in between is seen at the next look.
        let file = policy::locate(args.policy.as_deref())?;
        let stamp = stamp(&file);
        let policy = args.load()?;
        let lists: Vec<_> = lists(&policy).map(|list| (list.clone(), self::stamp(&list))).collect();
        let listed = run::listed(&policy)?;
        Ok(Self { args, policy, listed, stamps: [(file, stamp)].into_iter().chain(lists).collect() })
    }

    /// The policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its plan, on the networks that this machine is on now.
    ///
    /// # Errors
    /// If the kernel does not tell them.
    pub(crate) fn plan(&self) -> Result<(Plan, Machine)> {
        let guarded: Vec<&str> = self.policy.active_networks().map(|network| network.bridge.as_str()).collect();
        let machine = Machine::read()?;
        Ok((Plan::new(&self.policy, &self.listed, &machine.on_link(&guarded)), machine))
    }

    /// Looks whether a file changed, and reads all of them again if one did. A broken policy is told once.
    pub(crate) fn refresh(&mut self) -> News {
        let now: Vec<_> = self.stamps.iter().map(|(path, _)| (path.clone(), stamp(path))).collect();
        if now == self.stamps {
            return News::Same;
        }
        match Self::open(self.args) {
            Ok(kept) => {
                *self = kept;
                News::Changed
            }
            Err(error) => {
                self.stamps = now;
                News::Broken(error)
            }
        }
    }
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

    const SHIPPED: &str = include_str!("../../../compose/policy.toml");

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
        let mut kept = Kept::open(&args).unwrap();
        assert!(matches!(kept.refresh(), News::Same));
        fs::write(&list, "8.8.4.0/24\n9.9.8.0/24\n").unwrap();
        assert!(matches!(kept.refresh(), News::Changed));
        assert_eq!(kept.listed.len(), 2);
        fs::write(&file, "nonsense =").unwrap();
        assert!(matches!(kept.refresh(), News::Broken(_)));
        assert!(matches!(kept.refresh(), News::Same));
        assert_eq!(kept.listed.len(), 2);
        fs::remove_file(&file).unwrap();
        assert!(matches!(kept.refresh(), News::Broken(_)));
        fs::write(&file, SHIPPED).unwrap();
        assert!(matches!(kept.refresh(), News::Changed));
        assert!(kept.listed.is_empty());
    }
}
