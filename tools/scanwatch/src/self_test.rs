//! `self-test`: what the warden rests on, part by part. A part that cannot be tested is no pass.

use std::path::Path;

use policy::{Clamd, Policy, Share};
use record::{Exit, Outcome, OutputArgs, Provider, Writer};
use rustix::fs::{StatVfsMountFlags, fstat, statvfs};

use crate::clamd::{Doubt, examine_engine, ruleset};
use crate::cli::SelfTestArgs;
use crate::jail::Jail;
use crate::place::Place;
use crate::tell::part;

/// Tests every part and tells.
pub(crate) fn self_test(args: &SelfTestArgs, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut writer = Writer::stdout(Provider::Scanwatch, output, false);
    let share = args.share.clone().unwrap_or_else(|| policy.cell.share.mount_point());
    let jail = Share {
        path: args.jail.clone().unwrap_or_else(|| policy.warden.jail.path.clone()),
        ..policy.warden.jail.clone()
    };
    test_engine(args.clamd.as_ref().unwrap_or(&policy.warden.clamd), &mut writer)?;
    test_share(&share, &mut writer)?;
    test_jail(&jail, &share, &mut writer)?;
    writer.finish()
}

fn test_engine(clamd: &Clamd, writer: &mut Writer) -> anyhow::Result<()> {
    let trust = match examine_engine(clamd) {
        Ok(trust) => trust,
        Err(error) => {
            let reason = error.to_string();
            for name in ["marker", "limits", "signatures"] {
                let message = format!("clamd does not answer: nothing is known of its {name}.");
                writer.check(&part(name, message, Outcome::Unknown, Some(reason.clone())))?;
            }
            return Ok(());
        }
    };
    let found = |doubt: Doubt| trust.doubts.contains(&doubt).then(|| doubt.to_string());
    let verdict = |doubt: &Option<String>| if doubt.is_some() { Outcome::Failure } else { Outcome::Success };
    let blind = found(Doubt::Blind);
    writer.check(&part(
        "marker",
        "The EICAR test file is flagged by the engine, or should be.".to_owned(),
        verdict(&blind),
        blind,
    ))?;
    let message = "A file over the engine's limits is told, or should be.".to_owned();
    match found(Doubt::LimitsUnknown) {
        Some(why) => writer.check(&part("limits", message, Outcome::Unknown, Some(why)))?,
        None => {
            let silent = found(Doubt::SilentLimits);
            writer.check(&part("limits", message, verdict(&silent), silent))?;
        }
    }
    let signatures = ruleset(&trust.version);
    let official = signatures.rsplit(' ').next().is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
    let (outcome, reason) = if official {
        (Outcome::Success, None)
    } else {
        (
            Outcome::Failure,
            Some("no official signature database is loaded: only what is shipped or your own is found".to_owned()),
        )
    };
    writer.check(&part(
        "signatures",
        format!("The engine is {}, its signatures are {signatures}.", trust.version),
        outcome,
        reason,
    ))
}

fn test_share(share: &Path, writer: &mut Writer) -> anyhow::Result<()> {
    let message = format!("The share {} is a file system of its own, nosuid and nodev, or should be.", share.display());
    let record = match wrong_with(share) {
        Ok(wrong) if wrong.is_empty() => part("share", message, Outcome::Success, None),
        Ok(wrong) => part("share", message, Outcome::Failure, Some(wrong.join("; "))),
        Err(error) => part("share", message, Outcome::Unknown, Some(format!("{error:#}"))),
    };
    writer.check(&record)
}

fn wrong_with(share: &Path) -> anyhow::Result<Vec<&'static str>> {
    let device = |path: &Path| -> anyhow::Result<u64> { Ok(fstat(&Place::open(path)?.folder(b"")?)?.st_dev) };
    let flags = statvfs(share)?.f_flag;
    let mut wrong = Vec::new();
    if device(share)? == device(&share.join(".."))? {
        wrong.push("it is part of the file system around it, so nothing bounds its size");
    }
    if !flags.contains(StatVfsMountFlags::NOSUID) {
        wrong.push("it is mounted without nosuid");
    }
    if !flags.contains(StatVfsMountFlags::NODEV) {
        wrong.push("it is mounted without nodev");
    }
    Ok(wrong)
}

fn test_jail(jail: &Share, share: &Path, writer: &mut Writer) -> anyhow::Result<()> {
    let message = format!("The jail {} is closed to others and can be written, or should be.", jail.path.display());
    let tested = Jail::open(jail, Some(share)).and_then(|jail| jail.prove_writable());
    let record = match tested {
        Ok(()) => part("jail", message, Outcome::Success, None),
        Err(error) => part("jail", message, Outcome::Failure, Some(format!("{error:#}"))),
    };
    writer.check(&record)
}
