//! What changed between two rounds: a pure function of what was kept, what is told now, and what may move.

use std::collections::{BTreeMap, BTreeSet};

use record::cellblock::{References, Target};

use super::lineage::Lineage;

use super::ls_remote::Advertised;

/// A ref as it was kept. One that is gone is kept with what it last pointed to: a tag that is deleted
/// and comes back elsewhere has moved, whoever hopes that nobody remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) target: Target,
    pub(crate) gone: bool,
}

/// What happened to a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It was there when the repository was read for the first time.
    FirstSeen,
    /// The ref is there for the first time.
    Created,
    /// It was gone, and is back where it was.
    Returned,
    /// The ref points to another object than before.
    Moved,
    /// It was gone, and is back elsewhere.
    ReturnedElsewhere,
    /// The ref was there before, and is gone.
    Deleted,
}

/// One ref that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) old: Option<Target>,
    pub(crate) new: Option<Target>,
    pub(crate) may_move: bool,
    pub(crate) happened: Happened,
    /// What it means, where a mirror was asked.
    pub(crate) lineage: Lineage,
}

impl Change {
    /// Does it get a line of its own? At first sight only a tag does: a large repository has more than 120,000 branches
    /// and refs of pull requests. That they are there is no news.
    pub(crate) fn has_own_line(&self) -> bool {
        self.happened != Happened::FirstSeen || self.name.starts_with("refs/tags/")
    }
}

/// What a round found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) changes: Vec<Change>,
    pub(crate) unchanged: u64,
    pub(crate) counts: References,
}

impl Round {
    /// The same, compared with the record and not with the database of the refs. Only a tag can then be called new, and
    /// only if the record knows all tags. Any other ref has no line before it moves.
    pub(crate) fn by_the_record(mut self, knows_all_tags: bool) -> Self {
        for change in &mut self.changes {
            if change.happened == Happened::Created && !(knows_all_tags && change.name.starts_with("refs/tags/")) {
                change.happened = Happened::FirstSeen;
            }
        }
        self.counts = counts(self.counts.read, &self.changes);
        self
    }
}

/// Compares. `may_move` is the policy's word on a ref's name.
pub(crate) fn compare(before: &BTreeMap<String, Before>, now: &[Advertised], may_move: impl Fn(&str) -> bool) -> Round {
    let told: BTreeSet<&str> = now.iter().map(|advertised| advertised.name.as_str()).collect();
    let mut changes: Vec<Change> = now
        .iter()
        .filter_map(|advertised| {
            let old = before.get(&advertised.name);
            let happened = happened(old, &advertised.target, before.is_empty())?;
            Some(Change {
                name: advertised.name.clone(),
                old: old.map(|old| old.target.clone()),
                new: Some(advertised.target.clone()),
                may_move: may_move(&advertised.name) || is_head_of_a_branch(advertised, now, before, &may_move),
                happened,
                lineage: Lineage::default(),
            })
        })
        .collect();
    let unchanged = (now.len() - changes.len()) as u64;
    changes.extend(before.iter().filter(|(name, old)| !old.gone && !told.contains(name.as_str())).map(
        |(name, old)| {
            let may_move = may_move(name);
            Change {
                name: name.clone(),
                old: Some(old.target.clone()),
                new: None,
                may_move,
                happened: Happened::Deleted,
                lineage: Lineage::default(),
            }
        },
    ));
    let counts = counts(now.len() as u64, &changes);
    Round { changes, unchanged, counts }
}

fn happened(old: Option<&Before>, new: &Target, first_round: bool) -> Option<Happened> {
    Some(match old {
        None if first_round => Happened::FirstSeen,
        None => Happened::Created,
        Some(old) if old.target == *new && old.gone => Happened::Returned,
        Some(old) if old.target == *new => return None,
        Some(old) if old.gone => Happened::ReturnedElsewhere,
        Some(_) => Happened::Moved,
    })
}

/// HEAD follows a branch, so it may go where a branch stands that may move or did not.
fn is_head_of_a_branch(
    head: &Advertised,
    now: &[Advertised],
    before: &BTreeMap<String, Before>,
    may_move: impl Fn(&str) -> bool,
) -> bool {
    head.name == "HEAD"
        && now.iter().any(|branch| {
            let stayed = || before.get(&branch.name).is_some_and(|old| !old.gone && old.target == branch.target);
            branch.name.starts_with("refs/heads/")
                && branch.target.id == head.target.id
                && (may_move(&branch.name) || stayed())
        })
}

fn counts(read: u64, changes: &[Change]) -> References {
    let of = |kinds: &[Happened]| changes.iter().filter(|change| kinds.contains(&change.happened)).count() as u64;
    References {
        read,
        first_seen: of(&[Happened::FirstSeen]),
        created: of(&[Happened::Created, Happened::Returned]),
        moved: of(&[Happened::Moved, Happened::ReturnedElsewhere]),
        deleted: of(&[Happened::Deleted]),
        digest: None,
        held: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, peeled: Option<&str>) -> Target {
        Target { id: id.into(), peeled: peeled.map(Into::into) }
    }

    fn told(refs: &[(&str, &str)]) -> Vec<Advertised> {
        refs.iter().map(|(name, id)| Advertised { name: (*name).into(), target: target(id, None) }).collect()
    }

    /// What is kept after a round, as `store.rs` keeps it.
    fn after(before: &BTreeMap<String, Before>, round: &Round) -> BTreeMap<String, Before> {
        let mut kept = before.clone();
        for change in &round.changes {
            let gone = change.new.is_none();
            let target = change.new.clone().or(change.old.clone()).unwrap();
            kept.insert(change.name.clone(), Before { target, gone });
        }
        kept
    }

    fn rounds(rounds: &[&[(&str, &str)]]) -> Vec<Vec<(String, Happened)>> {
        let mut kept = BTreeMap::new();
        rounds
            .iter()
            .map(|refs| {
                let round = compare(&kept, &told(refs), |_| false);
                kept = after(&kept, &round);
                round.changes.into_iter().map(|change| (change.name, change.happened)).collect()
            })
            .collect()
    }

    #[test]
    fn a_tag_that_is_deleted_and_comes_back_elsewhere_has_moved() {
        let seen = rounds(&[
            &[("refs/tags/v1", "a"), ("HEAD", "a")],
            &[("HEAD", "a")],
            &[("HEAD", "a"), ("refs/tags/v1", "b")],
        ]);
        assert_eq!(seen[1], [("refs/tags/v1".into(), Happened::Deleted)]);
        assert_eq!(seen[2], [("refs/tags/v1".into(), Happened::ReturnedElsewhere)]);
    }

    #[test]
    fn a_ref_that_is_gone_is_told_once() {
        let seen = rounds(&[
            &[("refs/tags/v1", "a"), ("HEAD", "a")],
            &[("HEAD", "a")],
            &[("HEAD", "a")],
            &[("HEAD", "a"), ("refs/tags/v1", "a")],
        ]);
        assert!(seen[2].is_empty());
        assert_eq!(seen[3], [("refs/tags/v1".into(), Happened::Returned)]);
    }

    #[test]
    fn the_first_round_is_no_news_and_the_second_is() {
        let seen = rounds(&[&[("HEAD", "a")], &[("HEAD", "a"), ("refs/tags/v2", "c")]]);
        assert_eq!(seen[0], [("HEAD".into(), Happened::FirstSeen)]);
        assert_eq!(seen[1], [("refs/tags/v2".into(), Happened::Created)]);
    }

    #[test]
    fn at_first_sight_only_tags_have_a_line_of_their_own() {
        let first = [("HEAD", "a"), ("refs/heads/main", "a"), ("refs/pull/1/head", "b"), ("refs/tags/v1", "c")];
        let round = compare(&BTreeMap::new(), &told(&first), |_| false);
        let told: Vec<&str> =
            round.changes.iter().filter(|change| change.has_own_line()).map(|c| c.name.as_str()).collect();
        assert_eq!((told, round.counts.first_seen), (vec!["refs/tags/v1"], 4));
    }

    #[test]
    fn a_new_tag_object_on_the_same_commit_is_a_move() {
        let before =
            BTreeMap::from([("refs/tags/v1".to_owned(), Before { target: target("a", Some("c")), gone: false })]);
        let now = [Advertised { name: "refs/tags/v1".into(), target: target("b", Some("c")) }];
        let round = compare(&before, &now, |_| false);
        assert_eq!(round.changes[0].happened, Happened::Moved);
        assert_eq!(round.counts, References { read: 1, moved: 1, ..References::default() });
    }

    #[test]
    fn head_may_go_with_a_branch_that_may_move_and_nowhere_else() {
        let before = BTreeMap::from([
            ("HEAD".to_owned(), Before { target: target("a", None), gone: false }),
            ("refs/heads/main".to_owned(), Before { target: target("a", None), gone: false }),
        ]);
        let head = |refs: &[(&str, &str)], moving: bool| {
            let round = compare(&before, &told(refs), |name| moving && name.starts_with("refs/heads/"));
            round.changes.iter().find(|change| change.name == "HEAD").unwrap().may_move
        };
        assert!(head(&[("HEAD", "b"), ("refs/heads/main", "b")], true));
        assert!(!head(&[("HEAD", "b"), ("refs/heads/main", "b")], false));
        assert!(!head(&[("HEAD", "b"), ("refs/heads/main", "a")], true));
        assert!(!head(&[("HEAD", "b"), ("refs/heads/main", "a"), ("refs/tags/x", "b")], true));
    }
}
