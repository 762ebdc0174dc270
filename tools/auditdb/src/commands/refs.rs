//! `auditdb refs`: a round, or what the record tells of the rounds that were.

use std::io::{self, Write as _};

use anyhow::{Context, Result, ensure};
use policy::{Policy, PolicyArgs};
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::{Refs, RefsAsked};
use crate::refs::{self, Question};
use crate::store::{Store, StoreArgs};

/// Reads one round of refs, or answers from the rounds that were.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Refs, store: StoreArgs, policy: &PolicyArgs, output: OutputArgs) -> Result<Exit> {
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
        return refs::answer(&question, repo, &Store::find(store, policy)?, output);
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
        out.check(&refs::unreachable(url, reason))?;
        return out.finish();
    }
    // Who names the database alone has no record beside it.
    let alone = args.database.is_some() && store.directory.is_none();
    let record = if alone { None } else { Some(Store::find(store, policy)?) };
    let database = args.database.clone().or_else(|| record.as_ref().map(Store::refs));
    let database = database.context("--database or --directory names the database of the refs")?;
    if let (Some(policy), None) = (&loaded, repo) {
        out.check(&refs::unlisted(url, &policy.origin))?;
    }
    // A person who names a folder means it; a policy that knows the repository has the last word.
    let mirrored = repo.is_none_or(|repo| repo.mirror == policy::Mirror::Commits);
    let mirrors = args.fetch.as_deref().filter(|_| mirrored);
    refs::round(url, repo, (&database, record.as_ref()), mirrors, out)
}

/// What is asked of the rounds that were; `None` if this is a new one.
fn question(asked: &RefsAsked) -> Option<Question<'_>> {
    let at = asked.at.map(Question::At);
    let history = || asked.history.as_deref().map(Question::History);
    let window = || asked.window.as_deref().map(Question::Window);
    at.or_else(history).or_else(window)
}

fn list(policy: Option<&Policy>) -> Result<Exit> {
    let mut out = io::stdout().lock();
    for repo in policy.map(|policy| policy.repos.as_slice()).unwrap_or_default() {
        writeln!(out, "{}", repo.url).map_err(tool::unprinted)?;
    }
    out.flush().map_err(tool::unprinted)?;
    Ok(Exit::Success)
}

/// Is there something before an `@` in the address's host part?
fn has_user(url: &str) -> bool {
    let host = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    host.is_some_and(|host| host.contains('@'))
}
