//! The records of a round.

use record::cellblock::{Reference, References};
use record::fields::Url;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::compare::{Change, Happened};

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
    match verdict(change) {
        None => record.event.outcome = Some(Outcome::Success),
        Some((severity, reason)) => {
            record = record.kind(Kind::Alert).outcome(Outcome::Failure).severity(severity).reason(reason);
        }
    }
    let Change { old, new, may_move, .. } = change.clone();
    record.own().reference = Some(Reference { name: name.clone(), old, new, may_move });
    record
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

/// The record of the whole round.
pub(crate) fn read(url: &str, counts: References) -> Record {
    let References { read, created, moved, deleted, .. } = counts;
    let message = format!("{read} refs of {url} were read: {created} new, {moved} moved, {deleted} gone.");
    let mut record = about(url, Action::RefsRead, message, Type::Info).outcome(Outcome::Success);
    record.own().references = Some(counts);
    record
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

/// The record of a round that did not happen. Nothing is known: no ref is taken for gone.
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
