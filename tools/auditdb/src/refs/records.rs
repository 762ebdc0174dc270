//! The records of a round.

use policy::RefPin;
use record::cellblock::{Reference, References};
use record::fields::Url;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use sha2::{Digest, Sha256};

use super::compare::{Change, Happened};
use super::lineage::Lineage;
use super::ls_remote::Advertised;
use crate::plural::many;

/// The record of one change.
pub(crate) fn change(url: &str, change: &Change) -> Record {
    let name = &change.name;
    let (action, kind, said) = match change.happened {
        Happened::FirstSeen => (Action::RefFirstSeen, Type::Info, "was there when the repository was first read"),
        Happened::Created => (Action::RefCreated, Type::Creation, "is new"),
        Happened::Returned => (Action::RefCreated, Type::Creation, "is back where it was"),
        Happened::Moved => (Action::RefMoved, Type::Change, "points elsewhere"),
        Happened::ReturnedElsewhere => (Action::RefMoved, Type::Change, "was gone, and is back elsewhere"),
        Happened::Deleted => (Action::RefDeleted, Type::Deletion, "is gone"),
    };
    let mut record = about(url, action, format!("{name} of {url} {said}{}.", ids(change)), kind);
    let said = change.lineage.said();
    match verdict(change) {
        None => record.event.outcome = Some(Outcome::Success),
        Some((severity, reason)) => {
            record = record.kind(Kind::Alert).outcome(Outcome::Failure).severity(severity).reason(reason);
        }
    }
    let reasons: Vec<&str> = record.event.reason.as_deref().into_iter().chain(said).collect();
    if !reasons.is_empty() {
        let reasons = reasons.join("; ");
        record = record.reason(reasons);
    }
    if change.lineage.on_branch == Some(false) && !change.may_move {
        record = stray(record);
    }
    let (Change { old, new, may_move, .. }, Lineage { fast_forward, on_branch }) = (change.clone(), change.lineage);
    record.own().reference = Some(Reference { name: name.clone(), old, new, may_move, fast_forward, on_branch });
    record
}

/// A tag on a commit that no branch has. A tag that also moved is how a stranger's code was released under a known
/// name.
fn stray(record: Record) -> Record {
    let severity = match record.event.outcome {
        Some(Outcome::Failure) if record.event.severity >= Severity::High => Severity::Critical,
        _ => Severity::Medium.max(record.event.severity),
    };
    record.kind(Kind::Alert).outcome(Outcome::Failure).severity(severity)
}

/// The record of a mirror that did not answer all that it was asked.
pub(crate) fn mirror_silent(url: &str, open: u64, reason: &str) -> Record {
    let changes = many(open, "changed ref", "changed refs");
    let message = match open {
        0 => format!("The mirror of {url} could not be brought up to date."),
        _ => format!("What {changes} of {url} mean by its history is not known."),
    };
    about(url, Action::MirrorUnreachable, message, Type::Error)
        .outcome(Outcome::Unknown)
        .severity(Severity::Low)
        .reason(reason)
}

/// From so many tags on, a round is told as one thing too: nobody moves that many by a slip of the hand.
const MANY: usize = 3;
/// The most names in the sentence about them.
const NAMED: usize = 3;

/// The record of many tags that moved in one round, against the policy.
pub(crate) fn many_moved(url: &str, changes: &[Change]) -> Option<Record> {
    let is_tag = |change: &&Change| change.name.starts_with("refs/tags/") && !change.may_move;
    let moved = |change: &&Change| matches!(change.happened, Happened::Moved | Happened::ReturnedElsewhere);
    let names: Vec<&str> = changes.iter().filter(is_tag).filter(moved).map(|change| change.name.as_str()).collect();
    if names.len() < MANY {
        return None;
    }
    let (shown, more) =
        (names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "), names.len().saturating_sub(NAMED));
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("{} tags of {url} moved in one round: {shown}{rest}.", names.len());
    let mut record = about(url, Action::RefsMoved, message, Type::Change)
        .kind(Kind::Alert)
        .outcome(Outcome::Failure)
        .severity(Severity::Critical)
        .reason("who can move that many tags at once can write to the repository: take nothing from it until its owner explains");
    record.own().references = Some(References { moved: names.len() as u64, ..References::default() });
    Some(record)
}

/// The record of a ref that does not lead where the policy pins it to; `None` if it does.
pub(crate) fn broken_pin(url: &str, pin: &RefPin, now: &[Advertised]) -> Option<Record> {
    let found = now.iter().find(|advertised| advertised.name == pin.name).map(|advertised| &advertised.target);
    let said = match found {
        Some(target) if pin.holds(&target.id, target.peeled.as_deref()) => return None,
        Some(target) => format!("points to {}", target.id),
        None => "is not there".to_owned(),
    };
    let mut record =
        about(url, Action::RefPinBroken, format!("{} of {url} is pinned, and {said}.", pin.name), Type::Change)
            .kind(Kind::Alert)
            .outcome(Outcome::Failure)
            .severity(Severity::High)
            .reason(format!("the policy pins it to {}", pin.id));
    record.own().reference = Some(Reference { name: pin.name.clone(), new: found.cloned(), ..Reference::default() });
    Some(record)
}

/// Where it pointed and where it points, in the first digits that git shows too. Of an annotated tag both the tag's own
/// id and what it names: a tag made again may name the same.
fn ids(change: &Change) -> String {
    let short = |id: &str| id.chars().take(12).collect::<String>();
    let shown = |target: &record::cellblock::Target| match &target.peeled {
        Some(peeled) => format!("{} ({})", short(&target.id), short(peeled)),
        None => short(&target.id),
    };
    match (change.happened, &change.old, &change.new) {
        (Happened::Moved | Happened::ReturnedElsewhere, Some(old), Some(new)) => {
            format!(": {} → {}", shown(old), shown(new))
        }
        _ => String::new(),
    }
}

/// How bad it is, and why; `None` where it is as the policy says.
fn verdict(change: &Change) -> Option<(Severity, String)> {
    if change.may_move {
        return None;
    }
    let is_tag = change.name.starts_with("refs/tags/");
    match change.happened {
        Happened::FirstSeen | Happened::Created | Happened::Returned => None,
        Happened::Deleted if is_tag => {
            Some((Severity::Medium, "a tag is not deleted, unless the policy lets it move".into()))
        }
        Happened::Deleted => Some((Severity::Low, "the policy does not let it move".into())),
        Happened::Moved | Happened::ReturnedElsewhere if is_tag && same_commit(change) => {
            Some((Severity::Medium, "the tag was made again on the object it named before".into()))
        }
        Happened::Moved | Happened::ReturnedElsewhere if is_tag => {
            Some((Severity::High, "a tag must not move: what was released under it is now something else".into()))
        }
        Happened::Moved | Happened::ReturnedElsewhere => {
            Some((Severity::Medium, "the policy does not let it move".into()))
        }
    }
}

/// Does the tag still lead to the same object, through another tag object or none?
fn same_commit(change: &Change) -> bool {
    let end = |target: &Option<record::cellblock::Target>| {
        target.as_ref().map(|target| target.peeled.clone().unwrap_or_else(|| target.id.clone()))
    };
    end(&change.old) == end(&change.new)
}

/// The record of the whole round, and why it was not compared with what was kept.
pub(crate) fn read(url: &str, counts: References, reason: Option<String>) -> Record {
    let References { read, created, moved, deleted, .. } = counts;
    let read = many(read, "ref", "refs");
    let were = if counts.read == 1 { "was" } else { "were" };
    let message = format!("{read} of {url} {were} read: {created} new, {moved} moved, {deleted} gone.");
    let mut record = about(url, Action::RefsRead, message, Type::Info).outcome(Outcome::Success);
    record.own().references = Some(counts);
    record.event.reason = reason;
    record
}

/// The record of a first sight: all refs in one line.
pub(crate) fn first_seen(url: &str, counts: References) -> Record {
    let seen = many(counts.first_seen, "ref", "refs");
    let message = format!("{url} was read for the first time: {seen}; tags have a line of their own.");
    let mut record = about(url, Action::RefsFirstSeen, message, Type::Info).outcome(Outcome::Success);
    record.own().references = Some(counts);
    record
}

/// SHA-256 over the lines of `git ls-remote`, as anybody can compute it: `git ls-remote URL | sha256sum`.
pub(crate) fn digest(refs: &[Advertised]) -> String {
    let mut hash = Sha256::new();
    for Advertised { name, target } in refs {
        hash.update(format!("{}\t{name}\n", target.id));
        if let Some(peeled) = &target.peeled {
            hash.update(format!("{peeled}\t{name}^{{}}\n"));
        }
    }
    hex::encode(hash.finalize())
}

/// The record of a repository that the policy does not know: what may move there nobody said.
pub(crate) fn unlisted(url: &str, policy: &std::path::Path) -> Record {
    let reason = format!(
        "no [[repo]] of {} has this address, so nothing may move, and this history stands alone",
        policy.display()
    );
    about(url, Action::RefsUnlisted, format!("{url} is none of the policy's repositories."), Type::Info)
        .outcome(Outcome::Unknown)
        .severity(Severity::Low)
        .reason(reason)
}

/// The record of a round that did not happen. It takes no ref for gone.
pub(crate) fn unreachable(url: &str, reason: &str) -> Record {
    let reason = if reason.trim().is_empty() { "no reason was given" } else { reason };
    about(url, Action::RefsUnreachable, format!("The refs of {url} could not be read."), Type::Error)
        .outcome(Outcome::Unknown)
        .severity(Severity::Low)
        .reason(reason)
}

fn about(url: &str, action: Action, message: String, kind: Type) -> Record {
    let mut record = Record::new(Provider::Auditdb, action, message).about(Category::Configuration, kind);
    record.url = Some(Url { full: Some(url.to_owned()), ..Url::default() });
    record
}
