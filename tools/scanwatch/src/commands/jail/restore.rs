//! The way back: only for content that is whole, and not detected (any more) or allowed by its hash. Never over
//! anything but our own tombstone.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use policy::Policy;
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps, Uid, fchmod, fchown, fstat, fsync, futimens, openat,
    renameat_with, unlinkat,
};
use rustix::io::Errno;
use tool::{Exit, Writer};

use crate::clamd::Session;
use crate::clamd::verdict::{Verdict, judge};
use crate::cli::RestoreArgs;
use crate::jail::{Jail, Sidecar, Whole, is_tombstone_of};
use crate::records;
use crate::share::directory::{Root, Spot};
use crate::share::file_state::Stamp;

/// Longest wait for the verdict on what is to be restored.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Brings a file back.
pub(super) fn restore(args: &RestoreArgs, policy: &Policy, jail: &Jail, mut writer: Writer) -> anyhow::Result<Exit> {
    let entry = jail.entry(&args.id)?;
    let Some(facts) = entry.facts else {
        writer.check(&records::no_facts(&entry.id))?;
        return writer.finish();
    };
    let content = match jail.verify(&facts) {
        Whole::Yes(content) => content,
        Whole::No(why) => return refuse(writer, &facts, &why),
    };
    if jail.allows(&facts.sha256).is_none() {
        let clamd = args.clamd.address(policy);
        match (still_detected(&clamd, &content, facts.size)?, &args.allow) {
            (None, _) => {}
            (Some(found), None) => {
                return refuse(
                    writer,
                    &facts,
                    &format!("it is still detected: {found}; --allow REASON allows its hash"),
                );
            }
            (Some(_), Some(reason)) => {
                jail.allow(&facts.sha256, reason)?;
                writer.write(&records::hash_allowed(&facts, reason))?;
            }
        }
    }
    let (root, below) = target(args, policy, &facts)?;
    let shown = root.shown(&below);
    let spot = root
        .spot(&below)
        .with_context(|| format!("{} cannot be reached: give another place with --to", shown.display()))?;
    match bring_back(&spot, &content, &facts) {
        Ok(owner) => writer.check(&records::restored(&facts, &shown, owner))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return refuse(writer, &facts, &format!("{} is there, and is no tombstone of it", shown.display()));
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be written", shown.display())),
    }
    writer.finish()
}

fn refuse(mut writer: Writer, facts: &Sidecar, why: &str) -> anyhow::Result<Exit> {
    writer.check(&records::restore_refused(facts, why))?;
    writer.finish()
}

/// What the engine of today says. No answer is no "clean".
fn still_detected(clamd: &policy::Clamd, content: &OwnedFd, size: u64) -> anyhow::Result<Option<String>> {
    let ask = || {
        let mut session = Session::connect(clamd)?;
        let id = session.submit(content.as_fd(), size)?;
        session.answer(id, TIMEOUT)
    };
    let answer = ask().context("whether it is still detected is not known, so it is not restored; start clamd, or name its socket with --clamd")?;
    Ok(match judge(answer) {
        Verdict::Clean => None,
        Verdict::Infected(name) => Some(name),
        Verdict::Unscanned(why) => Some(why.sentence()),
        Verdict::Error(text) => Some(format!("the engine failed: {text}")),
    })
}

fn target(args: &RestoreArgs, policy: &Policy, facts: &Sidecar) -> anyhow::Result<(Root, Vec<u8>)> {
    use std::os::unix::ffi::OsStrExt;
    if let Some(to) = &args.to {
        let Some(name) = to.file_name() else { bail!("{} is no file's name", to.display()) };
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Ok((Root::open(folder)?, name.as_bytes().to_vec()));
    }
    Ok((Root::open(&args.share.folder(policy))?, facts.below()?))
}

/// Written under a name that the warden defers, then moved to its own: whoever looks sees all of it or
/// nothing. Says whether the owner could be given back.
fn bring_back(spot: &Spot, content: &OwnedFd, facts: &Sidecar) -> io::Result<bool> {
    let draft = format!(".{}.tmp", facts.id);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&spot.folder, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?;
    let result = fill(&file, content, facts).and_then(|owner| {
        settle(spot, &draft, facts)?;
        is_this(spot, &file).map(|()| owner)
    });
    if result.is_err() {
        let _ = unlinkat(&spot.folder, draft.as_str(), AtFlags::empty());
    }
    result
}

/// Whoever writes the share can put another file under the draft's name before it is moved.
fn is_this(spot: &Spot, file: &OwnedFd) -> io::Result<()> {
    if Stamp::from(&spot.stat()?).identity == Stamp::from(&fstat(file)?).identity {
        return Ok(());
    }
    Err(io::Error::other("another file was put in its place meanwhile; it is still in the jail"))
}

fn fill(file: &OwnedFd, content: &OwnedFd, facts: &Sidecar) -> io::Result<bool> {
    let mut to = File::from(file.try_clone()?);
    io::copy(&mut File::from(content.try_clone()?), &mut to)?;
    let owner = fchown(file, Some(Uid::from_raw(facts.uid)), Some(Gid::from_raw(facts.gid))).is_ok();
    // The set-id bits stay off, as they would be taken off again.
    fchmod(file, Mode::from_raw_mode(facts.mode & 0o777))?;
    let time = Timespec { tv_sec: facts.modified.0, tv_nsec: facts.modified.1.into() };
    futimens(file, &Timestamps { last_access: time, last_modification: time })?;
    fsync(file)?;
    Ok(owner)
}

fn settle(spot: &Spot, draft: &str, facts: &Sidecar) -> io::Result<()> {
    let rename = || renameat_with(&spot.folder, draft, &spot.folder, &spot.name, RenameFlags::NOREPLACE);
    match rename() {
        Err(Errno::EXIST) if is_tombstone_of(spot, &facts.id) => {
            unlinkat(&spot.folder, &spot.name, AtFlags::empty())?;
            rename()?;
        }
        other => other?,
    }
    fsync(&spot.folder)?;
    Ok(())
}
