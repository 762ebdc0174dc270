//! The last good rules: what was loaded last for a policy that could be read, in a file that only root reads. It is
//! what `netguard plan` prints, behind a line that says whose rules they are and since when.
//!
//! They are for a time without a policy that can be read: a mistake in it at a boot, say.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ipnet::IpNet;
use policy::{Policy, private_file};
use record::{Action, Provider, Record};
use tool::{Purpose, Writer};

use crate::backend::Backend;
use crate::rules::plan::Plan;
use crate::rules::records;
use crate::{report, verify};

/// The most that is read, in bytes: as many ranges as a plan may hold, IPv6 in full.
const LONGEST: u64 = 1 << 28;

/// The last good rules, and the line that says whose they are.
#[derive(Debug)]
pub(crate) struct Saved {
    /// The record `rules-saved`, as it was written then.
    pub(crate) told: Record,
    plan: Plan,
}

impl Saved {
    /// Keeps a plan that was loaded; returns what tells of it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(path: &Path, policy: &Policy, plan: &Plan) -> Result<Record> {
        let told = report::saved(policy, path);
        private_file::write(path, &text(&told, plan)?)
            .with_context(|| format!("the last good rules could not be saved in {}", path.display()))?;
        Ok(told)
    }

    /// Reads them back.
    ///
    /// # Errors
    /// If there are none, if others may have written them, or as [`records::read`].
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let no_rules = || format!("and there are no last good rules in {}", path.display());
        let bytes = private_file::read(path, LONGEST).with_context(no_rules)?;
        Self::parse(&bytes).with_context(no_rules)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (first, rest) = bytes.split_at(end);
        let told = Record::from_json(first).context("line 1 does not say whose rules they are")?;
        ensure!(told.event.action == Action::RulesSaved.name(), "line 1 does not say whose rules they are");
        Ok(Self { told, plan: records::read(rest)? })
    }

    /// As they were planned, on the networks that this machine is on now.
    pub(crate) fn plan(&self, on_link: &[IpNet]) -> Plan {
        self.plan.on(on_link)
    }

    /// The bridges that they guard.
    pub(crate) fn bridges(&self) -> Vec<&str> {
        self.plan.bridges()
    }

    /// Whether the guarded bridges are to be closed.
    ///
    /// Where the last good rules stand, something may run behind them, and goes on as it did. A typo is no reason to
    /// cut it off. Where they do not, at a boot, nothing of ours runs, and nothing new may begin. To close the bridges
    /// then costs nobody anything; and a policy that was to be stricter does not leave the looser one open for ever.
    ///
    /// # Errors
    /// If the kernel does not tell its rules.
    pub(crate) fn closes(&self, backend: &dyn Backend) -> Result<bool> {
        let plan = backend.fit(self.plan.clone());
        let found = backend.read(false)?;
        let good = |finding: &verify::Finding<'_>| finding.outcome == record::Outcome::Success;
        Ok(!verify::compare_structure(&plan, found.as_ref()).iter().all(good))
    }
}

fn text(told: &Record, plan: &Plan) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = Writer::to(&mut bytes, Provider::Netguard, Purpose::Tell);
    writer.write(told)?;
    records::write(plan, &mut writer)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::address_set::{Family, Group, SetName};
    use crate::rules::plan::tests::{plan, shipped};

    #[test]
    fn what_is_saved_is_read_back_with_whose_rules_they_are_and_the_networks_of_now() {
        let folder = tempfile::tempdir().unwrap();
        let (path, policy) = (folder.path().join("rules.jsonl"), shipped());
        Saved::write(&path, &policy, &plan()).unwrap();
        let saved = Saved::read(&path).unwrap();
        let file = saved.told.file.clone().unwrap();
        assert_eq!(file.hash.unwrap().sha256.unwrap(), policy.sha256);
        assert_eq!(file.path.unwrap(), policy.origin.canonicalize().unwrap().display().to_string());
        let now: IpNet = "9.8.7.0/24".parse().unwrap();
        let again = saved.plan(&[now]);
        assert_eq!(again.rules, plan().rules);
        assert_eq!(again.sets[&SetName(Group::OnLink, Family::V4)], [now]);
        assert!(again.sets[&SetName(Group::OnLink, Family::V6)].is_empty());
        assert_eq!(again.sets[&SetName(Group::Listed, Family::V4)], plan().sets[&SetName(Group::Listed, Family::V4)]);
    }

    #[test]
    fn a_file_that_lost_its_end_or_its_head_or_is_not_there_gives_no_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.jsonl");
        let refused = || format!("{:#}", Saved::read(&path).unwrap_err());
        assert!(refused().contains("no last good rules in"), "{}", refused());
        Saved::write(&path, &shipped(), &plan()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for end in [0, 40, whole.len() / 2, whole.len() - 2] {
            private_file::write(&path, &whole[..end]).unwrap();
            assert!(refused().contains("no last good rules in"), "{end}: {}", refused());
        }
        let head = whole.iter().position(|byte| *byte == b'\n').unwrap();
        private_file::write(&path, &whole[head + 1..]).unwrap();
        assert!(refused().contains("does not say whose"), "{}", refused());
    }
}
