//! `self-test`: what the warden rests on, part by part. A part that cannot be tested is no pass.

use std::path::Path;

use jiff::Zoned;
use jiff::civil::DateTime;
use policy::{Clamd, Policy, Share};
use record::{Outcome, Provider};
use rustix::fs::{StatVfsMountFlags, fstat, statvfs};
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::clamd::status::{Freshness, OwnSignatures, freshness, own_signatures};
use crate::clamd::{Doubt, EngineVersion, examine_engine};
use crate::cli::SelfTestArgs;
use crate::jail::Jail;
use crate::records::part;
use crate::share::directory::Root;

/// Tests every part and tells.
pub(crate) fn self_test(args: &SelfTestArgs, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut writer = Writer::stdout(Provider::Scanwatch, Purpose::Judge, output, false);
    let (share, clamd) = (args.share.mount_point(policy), args.clamd.address(policy));
    test_engine(&clamd, &mut writer)?;
    test_supply(&clamd, &mut writer)?;
    test_share(&share, &mut writer)?;
    test_jail(&args.jail.settings(policy), &share, &mut writer)?;
    writer.finish()
}

/// The parts that only the engine itself can tell of.
const ENGINE: [&str; 4] = ["marker", "encrypted", "limits", "signatures"];

fn test_engine(clamd: &Clamd, writer: &mut Writer) -> anyhow::Result<()> {
    let trust = match examine_engine(clamd) {
        Ok(trust) => trust,
        Err(error) => {
            let reason = error.to_string();
            for name in ENGINE {
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
    let message = "What is encrypted is told, or should be: archives of two formats, and a document.".to_owned();
    let silent = found(Doubt::SilentEncryption).or_else(|| found(Doubt::UnknownEncryption));
    writer.check(&part("encrypted", message, verdict(&silent), silent))?;
    let message = "A file over the engine's limits is told, or should be.".to_owned();
    match found(Doubt::LimitsUnknown) {
        Some(why) => writer.check(&part("limits", message, Outcome::Unknown, Some(why)))?,
        None => {
            let silent = found(Doubt::SilentLimits);
            writer.check(&part("limits", message, verdict(&silent), silent))?;
        }
    }
    let message = format!("The engine is {}.", trust.engine_version);
    let wrong = wrong_with_signatures(&trust.engine_version, Zoned::now().datetime());
    writer.check(&part("signatures", message, verdict(&wrong), wrong))
}

/// Signatures older than this get a finding: new ones come every day.
const OLD: i64 = 7;

/// Official signatures that are not there, or that nobody has renewed for days.
fn wrong_with_signatures(engine_version: &EngineVersion, now: DateTime) -> Option<String> {
    if engine_version.official().is_none() {
        return Some("no official signature database is loaded: only what is shipped or your own is found".to_owned());
    }
    let Some(built) = engine_version.built() else {
        return Some("how old the official signatures are cannot be told".to_owned());
    };
    let days = now.date().since(built.date()).map_or(0, |age| i64::from(age.get_days()));
    (days > OLD).then(|| format!("the official signatures are {days} days old: does freshclam reach its mirror?"))
}

/// What freshclam, and who checks signatures of one's own, left beside the socket.
fn test_supply(clamd: &Clamd, writer: &mut Writer) -> anyhow::Result<()> {
    let message = "The official signatures are fetched, or should be.".to_owned();
    let nothing = "nothing beside clamd's socket tells: the clamd of compose/ leaves a line there".to_owned();
    writer.check(&match freshness(clamd) {
        Some(Freshness::Present(state)) => part("freshclam", format!("{state}."), Outcome::Success, None),
        Some(Freshness::Absent(state)) => part("freshclam", message, Outcome::Failure, Some(state)),
        None => part("freshclam", message, Outcome::Unknown, Some(nothing)),
    })?;
    let message = "Signatures of your own are loaded, or should be.".to_owned();
    match own_signatures(clamd) {
        Some(OwnSignatures::InForce(name)) => {
            writer.check(&part("own-signatures", format!("Signatures of your own: {name}."), Outcome::Success, None))
        }
        Some(OwnSignatures::Refused(why)) => {
            writer.check(&part("own-signatures", message, Outcome::Failure, Some(why)))
        }
        // Nobody has to have any.
        None => Ok(()),
    }
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
    let device = |path: &Path| -> anyhow::Result<u64> { Ok(fstat(&Root::open(path)?.folder(b"")?)?.st_dev) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_that_nobody_renews_are_no_pass() {
        let now = jiff::civil::date(2026, 11, 22).at(5, 0, 0, 0);
        let wrong =
            |version: &str| wrong_with_signatures(&EngineVersion { version: version.to_owned(), own: None }, now);
        assert_eq!(wrong("ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026"), None);
        assert!(wrong("ClamAV 1.4.6/27480/Sun Nov  1 09:00:00 2026").unwrap().contains("21 days old"));
        assert!(wrong("ClamAV 1.4.6").unwrap().contains("no official"));
        assert!(wrong("ClamAV 1.4.6/27500/yesterday").unwrap().contains("cannot be told"));
    }
}
