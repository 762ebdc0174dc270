//! `auditdb refs`: what moved in a git repository since the round before.
//!
//! A tag is a promise. In March 2026 76 of the 77 tags of trivy-action were force-pushed; they were found by comparing
//! tags with a kept copy, which is what this does. The order matters: a change is printed before it is remembered. So a
//! crash in between repeats an alert and never swallows one.

mod baseline;
mod compare;
mod lineage;
mod ls_remote;
mod mirror;
mod named;
mod past;
mod records;
mod spans;
mod store;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use policy::Repo;
use record::{Outcome, Record};
use tool::{Exit, Writer};

use crate::database::Lock;
use crate::store::Store;
use baseline::Baseline;
use compare::{Change, Round};
use mirror::Mirror;
pub(crate) use past::{Question, answer};
pub(crate) use records::{unlisted, unreachable};

/// How long a round waits for another one on the same database.
const WAIT: Duration = Duration::from_secs(30);

/// The database of the refs, and the record beside it.
type Places<'a> = (&'a Path, Option<&'a Store>);

/// Compares what `git ls-remote` prints on standard input with the round before, tells of it, and remembers it.
///
/// # Errors
/// If standard input is no such answer, the database cannot be read or written, or standard output not written.
pub(crate) fn round(
    url: &str,
    repo: Option<&Repo>,
    (database, record): Places<'_>,
    mirrors: Option<&Path>,
    mut out: Writer,
) -> Result<Exit> {
    let now = ls_remote::parse(io::stdin().lock()).context("standard input is no output of `git ls-remote`")?;
    if now.is_empty() {
        // Nothing was read: that the repository has no refs any more would look the same.
        out.check(&records::unreachable(url, "git ls-remote printed nothing"))?;
        return out.finish();
    }
    let _lock = locked(database)?;
    let mut baseline = Baseline::of(url, repo.is_some(), database, record)?;
    let url = &baseline.url.clone();
    let mut round = compare::compare(&baseline.before, &now, |name| repo.is_some_and(|repo| repo.may_move(name)));
    if let Some(knows_all_tags) = baseline.recalled {
        round = round.by_the_record(knows_all_tags);
    }
    round.counts.digest = Some(records::digest(&now));
    if let Some(silent) = mirrors.and_then(|mirrors| ask_mirror(mirrors, url, &now, &mut round.changes)) {
        out.check(&silent)?;
    }
    if round.counts.first_seen > 0 && baseline.recalled.is_none() {
        out.write(&records::first_seen(url, round.counts.clone()))?;
    }
    baseline.doubts.iter().for_each(|_| out.count(Outcome::Unknown));
    report_changes(url, &round, &mut out)?;
    for pin in repo.map(|repo| repo.pins.as_slice()).unwrap_or_default() {
        match records::broken_pin(url, pin, &now) {
            Some(broken) => out.check(&broken)?,
            None => {
                out.count(Outcome::Success);
                round.counts.held.push(pin.name.clone());
            }
        }
    }
    out.write(&records::read(url, round.counts, baseline.reason.take()))?;
    out.flush()?;
    let kept = baseline.to_keep(&round.changes);
    baseline.store.save(url, &kept)?;
    out.finish()
}

/// One round at a time has a database.
fn locked(database: &Path) -> Result<Lock> {
    let lock = PathBuf::from(format!("{}.lock", database.display()));
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    match Lock::exclusive(&lock, WAIT).with_context(|| format!("{}: cannot be locked", lock.display()))? {
        Some(lock) => Ok(lock),
        None => bail!("{}: another round has had it for {} s", database.display(), WAIT.as_secs()),
    }
}

/// Tells what changed, and counts what did not.
fn report_changes(url: &str, round: &Round, out: &mut Writer) -> Result<()> {
    for change in &round.changes {
        match change.has_own_line() {
            true => out.check(&records::change(url, change))?,
            false => out.count(Outcome::Success),
        }
    }
    (0..round.unchanged).for_each(|_| out.count(Outcome::Success));
    if let Some(many) = records::many_moved(url, &round.changes) {
        out.write(&many)?;
    }
    Ok(())
}

/// Asks the mirror what the changes mean; the record of what it did not tell, if there is any.
fn ask_mirror(mirrors: &Path, url: &str, now: &[ls_remote::Advertised], changes: &mut [Change]) -> Option<Record> {
    let id = now.first().map(|advertised| advertised.target.id.as_str()).filter(|_| !changes.is_empty())?;
    let asked = changes.iter().filter(|change| !lineage::questions(change).is_empty()).count() as u64;
    match Mirror::open(mirrors, url, id).and_then(|mirror| mirror.fetch().map(|()| mirror)) {
        Err(why) => Some(records::mirror_silent(url, asked, &format!("{why:#}"))),
        Ok(mirror) => match mirror.ask(changes) {
            0 => None,
            open => Some(records::mirror_silent(
                url,
                open,
                "git could not find their commits in the mirror, or not in time",
            )),
        },
    }
}

/// Is an answer of `git ls-remote`, or none, the same when it comes again? For a fuzzer.
pub(crate) fn is_steady(answer: &[u8]) -> bool {
    let Ok(now) = ls_remote::parse(answer) else { return true };
    let kept = |advertised: &ls_remote::Advertised| {
        (advertised.name.clone(), compare::Before { target: advertised.target.clone(), gone: false })
    };
    compare::compare(&now.iter().map(kept).collect(), &now, |_| false).changes.is_empty()
}
