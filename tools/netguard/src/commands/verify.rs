//! `netguard verify`: holds the kernel against the plan, looks for what defeats both, and gives or withdraws the
//! permit.

use anyhow::Result;
use policy::PolicyArgs;
use record::Outcome;
use tool::{Exit, Writer};

use super::plan;
use crate::backend::{self, Choice};
use crate::bypass::{self, Asker, Memory};
use crate::cli::VerifyArgs;
use crate::host::permit::{self, Permit};
use crate::{report, verify};

/// The kernel against the plan, and then what could make all of it worthless.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(choice: Choice, policy: &PolicyArgs, args: &VerifyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let backend = backend::find(choice)?;
    let plan = backend.fit(plan::of(&policy)?.0);
    let kernel = backend.read(true)?;
    let findings = verify::compare(&plan, kernel.as_ref());
    for finding in &findings {
        writer.check(&report::finding(finding))?;
    }
    let facts =
        bypass::gather(&policy, kernel.is_some(), verify::as_planned(&findings), Asker::Person, &mut Memory::default());
    if let Ok(engine) = &facts.engine {
        writer.asked(engine.identity.clone());
    }
    let bypasses = bypass::check(&policy, &facts);
    for finding in &bypasses {
        writer.check(&finding.record())?;
    }
    let verdict = permit::verdict(
        findings.iter().map(|finding| finding.outcome),
        bypasses.iter().map(|finding| (finding.outcome, finding.bypass.is_promise())),
    );
    if !args.look {
        settle_permit(&Permit::of(&policy), verdict, args.permit, &mut writer)?;
    }
    writer.finish()
}

/// What does not hold takes the permit away, whoever asks and does not only look. It is given to who asks for it, once
/// all was seen to hold.
fn settle_permit(permit: &Permit, verdict: Outcome, asked: bool, writer: &mut Writer) -> Result<()> {
    match verdict {
        Outcome::Success if asked => permit.grant()?,
        Outcome::Failure => permit.withdraw()?,
        _ => {}
    }
    if asked {
        writer.write(&report::permitted(verdict))?;
    }
    Ok(())
}
