//! `netguard apply`: loads a plan, and forgets the connections that it refuses; with `--check` it says what would
//! change.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use policy::PolicyArgs;
use record::Outcome;
use tool::{Exit, Writer, input};

use super::plan;
use crate::backend::{self, Backend, Choice, connections};
use crate::host::interfaces::Machine;
use crate::host::{owner, permit};
use crate::rules::plan::Plan;
use crate::rules::records;
use crate::watch::last_good::Saved;
use crate::watch::policy_files::PolicyFiles;
use crate::{report, verify};

/// The rules of the policy; or the last good ones, where they are kept and it cannot be read.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn policy(choice: Choice, policy: &PolicyArgs, keep: Option<&Path>, mut writer: Writer) -> Result<Exit> {
    let backend = backend::find(choice)?;
    let (kept, saved) = PolicyFiles::open(policy, keep, &*backend)?;
    // A watch has what it read last, be it the last good rules: it is not disturbed while the policy cannot be read.
    owner::make_sure_of_none(Some(kept.file()).filter(|_| saved.is_none())).map_err(|watched| {
        let broken = saved.as_ref().and_then(|told| told.event.reason.clone());
        broken.map_or_else(|| anyhow::anyhow!("{watched:#}"), |broken| anyhow::anyhow!("{broken}\n{watched:#}"))
    })?;
    if let Some(saved) = &saved {
        permit::withdraw_all()?;
        writer.check(saved)?;
    }
    let (plan, _) = kept.plan()?;
    load(&*backend, plan.clone(), &mut writer)?;
    if let (Some(path), Some(policy)) = (keep, kept.good()) {
        writer.check(&Saved::write(path, policy, &plan).unwrap_or_else(|error| report::unsaved(&error)))?;
    }
    writer.finish()
}

/// The rules of planned lines: of a file, or of standard input for `-`.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn planned(choice: Choice, path: &Path, mut writer: Writer) -> Result<Exit> {
    let plan = read(path)?;
    load(&*backend::find(choice)?, plan, &mut writer)?;
    writer.finish()
}

fn load(backend: &dyn Backend, plan: Plan, writer: &mut Writer) -> Result<()> {
    let plan = backend.fit(plan);
    let start = Instant::now();
    let fresh = backend.absent()?;
    let slower = backend.apply(&plan)?;
    writer.check(&report::applied(&plan, start.elapsed(), slower))?;
    let flushed = Machine::read().and_then(|machine| connections::flush(&plan, &machine, fresh));
    writer.check(&report::flushed(&flushed))
}

/// Only what differs from a plan that was given, or from the policy's; nothing is loaded.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn check(choice: Choice, given: Option<&Path>, policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let plan = match given {
        Some(path) => read(path)?,
        None => plan::of(&policy.load()?)?.0,
    };
    let backend = backend::find(choice)?;
    let (plan, kernel) = (backend.fit(plan), backend.read(true)?);
    for finding in verify::compare(&plan, kernel.as_ref()) {
        match finding.outcome {
            Outcome::Success => writer.count(finding.outcome),
            _ => writer.check(&report::finding(&finding))?,
        }
    }
    writer.finish()
}

fn read(path: &Path) -> Result<Plan> {
    let input = input::open(path).with_context(|| format!("{} could not be opened", path.display()))?;
    records::read(input).with_context(|| input::name(path))
}
