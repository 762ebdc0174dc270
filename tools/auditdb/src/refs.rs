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

use anyhow::{Context, Result, bail, ensure};
use policy::{Policy, PolicyArgs, Repo};
use record::{Outcome, Provider, Record};
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli;
use crate::database::Lock;
use crate::store::{Store, StoreArgs};
use baseline::Baseline;
use compare::{Change, Round};
use mirror::Mirror;
use past::Question;

/// How long a round waits for another one on the same database.
const WAIT: Duration = Duration::from_secs(30);

/// `auditdb refs`
pub(crate) fn refs(args: &cli::Refs, store: StoreArgs, policy: &PolicyArgs, output: OutputArgs) -> Result<Exit> {
    // Who names a database or a folder, and no policy, needs none: then nothing may move.
    let named = args.database.is_some() || store.directory.is_some();
    let asked = policy.policy.is_some() || std::env::var_os("CELLBLOCK_POLICY").is_some();
    let loaded = if named && !asked && !args.asked.list { None } else { Some(policy.load()?) };
    if args.asked.list {
        return list(loaded.as_ref());
    }
    if let Some(question) = question(&args.asked) {
        let known = |url: &String| loaded.as_ref().and_then(|policy| policy.repos.iter().find(|repo| repo.is_at(url)));
        let repo = args.repo.as_ref().map(|url| known(url).map_or(url.as_str(), |repo| &repo.url));
        return past::answer(&question, repo, &Store::find(store, policy)?, output);
    }
    let given = args.repo.as_deref().unwrap_or_default();
    ensure!(
        !has_user(given),
        "--repo: an address with a user or a password in it would be kept for ever; leave it out"
    );
    let repo = loaded.as_ref().and_then(|policy| policy.repos.iter().find(|repo| repo.is_at(given)));
    // Kept under the policy's own spelling: another one would begin a history of its own, in which nothing ever moved.
    let url = repo.map_or(given, |repo| repo.url.as_str());
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    if let Some(reason) = &args.unreachable {
        out.check(&records::unreachable(url, reason))?;
        return out.finish();
    }
    // Who names the database alone has no record beside it.
    let alone = args.database.is_some() && store.directory.is_none();
    let record = if alone { None } else { Some(Store::find(store, policy)?) };
    let database = args.database.clone().or_else(|| record.as_ref().map(Store::refs));
    let database = database.context("--database or --directory names the database of the refs")?;
    if let (Some(policy), None) = (&loaded, repo) {
        out.check(&records::unlisted(url, &policy.origin))?;
    }
    // A person who names a folder means it; a policy that knows the repository has the last word.
    let mirrored = repo.is_none_or(|repo| repo.mirror == policy::Mirror::Commits);
    let mirrors = args.fetch.as_deref().filter(|_| mirrored);
    round(url, repo, (&database, record.as_ref()), mirrors, out)
}

/// What is asked of the rounds that were; `None` if this is a new one.
fn question(asked: &cli::RefsAsked) -> Option<Question<'_>> {
    let at = asked.at.map(Question::At);
    let history = || asked.history.as_deref().map(Question::History);
    let window = || asked.window.as_deref().map(Question::Window);
    at.or_else(history).or_else(window)
}

/// The database of the refs, and the record beside it.
type Places<'a> = (&'a Path, Option<&'a Store>);

fn round(
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
    let mut baseline = Baseline::of(url, database, record)?;
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
        match change.is_told() {
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

fn list(policy: Option<&Policy>) -> Result<Exit> {
    use std::io::Write as _;
    let mut out = io::stdout().lock();
    for repo in policy.map(|policy| policy.repos.as_slice()).unwrap_or_default() {
        writeln!(out, "{}", repo.url).map_err(tool::unprinted)?;
    }
    out.flush().map_err(tool::unprinted)?;
    Ok(Exit::Success)
}

/// Is an answer of `git ls-remote`, or none, the same when it comes again? For a fuzzer.
pub(crate) fn is_steady(answer: &[u8]) -> bool {
    let Ok(now) = ls_remote::parse(answer) else { return true };
    let kept = |advertised: &ls_remote::Advertised| {
        (advertised.name.clone(), compare::Before { target: advertised.target.clone(), gone: false })
    };
    compare::compare(&now.iter().map(kept).collect(), &now, |_| false).changes.is_empty()
}

/// Is there something before an `@` in the address's host part?
fn has_user(url: &str) -> bool {
    let host = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    host.is_some_and(|host| host.contains('@'))
}
