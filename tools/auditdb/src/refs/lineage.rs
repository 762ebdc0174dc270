//! What a change of a ref means by the history of its repository: what is asked of a mirror, and what its answers say.

use record::cellblock::Target;

use super::compare::{Change, Happened};

/// What a mirror said of a change. `None`: nobody asked, or the mirror could not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// Is the commit before an ancestor of the one now? If not, the ref was forced.
    pub(crate) fast_forward: Option<bool>,
    /// Is the tag's commit on a branch? GitHub shows commits of forks under the address of the repository they forked.
    pub(crate) on_branch: Option<bool>,
}

impl Lineage {
    /// What there is to say of it, for a person.
    pub(crate) fn said(self) -> Vec<&'static str> {
        let moved = self.fast_forward.map(|forward| match forward {
            true => "it went forward",
            false => "it was forced: what it pointed to before is not in its history",
        });
        let off =
            (self.on_branch == Some(false)).then_some("its commit is on no branch of the repository, as a fork's is");
        moved.into_iter().chain(off).collect()
    }
}

/// What is asked about a change: ids of commits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Questions<'c> {
    /// Is the first an ancestor of the second?
    pub(crate) ancestry: Option<(&'c str, &'c str)>,
    /// Is it on a branch?
    pub(crate) branch: Option<&'c str>,
}

impl Questions<'_> {
    /// Is there nothing to ask?
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The questions about a change. Only branches and tags are mirrored: a pull request's ref is whatever a stranger
/// sends.
pub(crate) fn questions(change: &Change) -> Questions<'_> {
    let is_tag = change.name.starts_with("refs/tags/");
    if !is_tag && !change.name.starts_with("refs/heads/") {
        return Questions::default();
    }
    let (old, new) = (change.old.as_ref().map(commit), change.new.as_ref().map(commit));
    let moved = matches!(change.happened, Happened::Moved | Happened::ReturnedElsewhere);
    let came = moved || change.happened == Happened::Created;
    Questions {
        ancestry: old.zip(new).filter(|(old, new)| moved && old != new),
        branch: new.filter(|new| is_tag && came && old != Some(*new)),
    }
}

fn commit(target: &Target) -> &str {
    target.peeled.as_deref().unwrap_or(&target.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, happened: Happened, old: Option<&str>, new: Option<&str>) -> Change {
        let target = |id: &str| Target { id: format!("tag-{id}"), peeled: Some(id.to_owned()) };
        let (old, new) = (old.map(target), new.map(target));
        Change { name: name.into(), old, new, may_move: false, happened, lineage: Lineage::default() }
    }

    #[test]
    fn commits_are_asked_about_and_not_the_tags_that_name_them() {
        let moved = change("refs/tags/v1", Happened::Moved, Some("a"), Some("b"));
        assert_eq!(questions(&moved), Questions { ancestry: Some(("a", "b")), branch: Some("b") });
        let branch = change("refs/heads/main", Happened::Moved, Some("a"), Some("b"));
        assert_eq!(questions(&branch), Questions { ancestry: Some(("a", "b")), branch: None });
        let created = change("refs/tags/v2", Happened::Created, None, Some("c"));
        assert_eq!(questions(&created), Questions { ancestry: None, branch: Some("c") });
    }

    #[test]
    fn what_says_nothing_of_a_history_is_not_asked() {
        for nothing in [
            change("refs/tags/v1", Happened::Moved, Some("a"), Some("a")),
            change("refs/tags/v1", Happened::Deleted, Some("a"), None),
            change("refs/tags/v1", Happened::Returned, Some("a"), Some("a")),
            change("refs/tags/v1", Happened::FirstSeen, None, Some("a")),
            change("refs/heads/x", Happened::Created, None, Some("a")),
            change("refs/pull/1/head", Happened::Moved, Some("a"), Some("b")),
            change("HEAD", Happened::Moved, Some("a"), Some("b")),
        ] {
            assert!(questions(&nothing).is_empty(), "{nothing:?}");
        }
    }
}
