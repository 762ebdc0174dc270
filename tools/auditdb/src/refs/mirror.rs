//! A bare repository with the commits of a watched one: what is asked of git about a change, and what its answers mean.
//! What the mirror cannot tell stays unknown. `git` runs the program, and `folder` looks after the disk.

mod folder;
mod git;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::compare::Change;
use super::lineage::{Lineage, Questions, questions};
use folder::sweep;
use git::{Ended, Git};

/// How long git may take to bring a mirror up to date.
const FETCH: Duration = Duration::from_secs(120);
/// How git fetches: commits alone, with no trees and no `FETCH_HEAD`.
const HOW: [&str; 4] = ["fetch", "--quiet", "--no-write-fetch-head", "--filter=tree:0"];
/// Of how many lost commits a server is asked in a round.
const LOST: usize = 20;
/// How long all questions about a round may take.
const ASK: Duration = Duration::from_secs(60);
/// Branches and tags, wherever they point now. What they pointed to before stays: nothing here is ever collected.
const REFS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// The bare clone of one repository, which holds commits alone.
#[derive(Debug)]
pub(super) struct Mirror<'a> {
    folder: PathBuf,
    url: &'a str,
}

/// What git says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Told(bool),
    /// A tag can be on a file, which has no history.
    NoCommit,
    Unknown,
}

impl Answer {
    fn told(self) -> Option<bool> {
        if let Self::Told(answer) = self { Some(answer) } else { None }
    }

    /// Of `cat-file -t`: nothing where it is a commit, which can be asked about, else why it cannot.
    fn unless_commit(ended: &Result<Ended>) -> Option<Self> {
        match ended {
            Ok((0, kind)) if kind == "commit\n" => None,
            Ok((0, _)) => Some(Self::NoCommit),
            _ => Some(Self::Unknown),
        }
    }

    /// Reads the exit status of `git merge-base --is-ancestor`: 0 yes, 1 no.
    fn of_ancestry(ended: &Result<Ended>) -> Self {
        match ended {
            Ok((0, _)) => Self::Told(true),
            Ok((1, _)) => Self::Told(false),
            _ => Self::Unknown,
        }
    }

    /// Of `for-each-ref --contains`: a line for a branch that has it.
    fn of_branches(ended: &Result<Ended>) -> Self {
        match ended {
            Ok((0, branches)) => Self::Told(!branches.is_empty()),
            _ => Self::Unknown,
        }
    }
}

impl<'a> Mirror<'a> {
    /// The mirror of a repository below `parent`, made where it is not there. `id` is any object's id, for its length.
    ///
    /// # Errors
    /// If git is not there or cannot make it.
    pub(super) fn open(parent: &Path, url: &'a str, id: &str) -> Result<Self> {
        let digest = ring::digest::digest(&ring::digest::SHA256, url.as_bytes());
        let name = hex::encode(digest.as_ref().get(..8).unwrap_or_default());
        let mirror = Self { folder: parent.join(format!("{name}.git")), url };
        if !mirror.folder.join("HEAD").exists() {
            fs::create_dir_all(&mirror.folder)
                .with_context(|| format!("{}: cannot be made", mirror.folder.display()))?;
            let form = if id.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
            mirror.git().must(&["init", "--bare", "--quiet", "--template=", form], FETCH)?;
        }
        Ok(mirror)
    }

    /// Brings it up to date: commits alone, where the server can leave out the files.
    ///
    /// # Errors
    /// If it is full, or git cannot fetch.
    pub(super) fn fetch(&self) -> Result<()> {
        sweep(&self.folder);
        self.git().must(&[&HOW[..], &["--prune", "origin"], &REFS[..]].concat(), FETCH)
    }

    /// Asks the server for commits that no branch and no tag leads to any more: what a forced push left behind. It need
    /// not have them, nor give them; what cannot be had stays unknown.
    fn fetch_lost(&self, changes: &[Change], deadline: Instant) {
        let asked = changes.iter().map(questions);
        let lost = asked.filter_map(|asked| asked.ancestry.map(|(old, _)| old));
        let lost = lost.filter(|old| !matches!(self.git().run(&["cat-file", "-e", old], left(deadline)), Ok((0, _))));
        for id in lost.take(LOST) {
            let _ = self.git().write(&[&HOW[..], &["origin", id]].concat(), left(deadline));
        }
    }

    /// Asks it about changes. What it cannot tell is counted, and stays open.
    pub(super) fn ask(&self, changes: &mut [Change]) -> u64 {
        let deadline = Instant::now() + ASK;
        self.fetch_lost(changes, deadline);
        let mut open = 0;
        for change in changes {
            let asked = questions(change);
            if asked.is_empty() {
                continue;
            }
            let (answer, told) = self.answer(asked, deadline);
            open += u64::from(!told);
            change.lineage = answer;
        }
        open
    }

    /// The answers, and whether git answered all questions.
    fn answer(&self, asked: Questions<'_>, deadline: Instant) -> (Lineage, bool) {
        let ancestry = asked.ancestry.map(|(old, new)| {
            let question = ["merge-base", "--is-ancestor", old, new];
            self.about(&[old, new], deadline, || Answer::of_ancestry(&self.git().run(&question, left(deadline))))
        });
        let branch = asked.branch.map(|id| {
            let contains = format!("--contains={id}");
            let question = ["for-each-ref", "--count=1", "--format=x", &contains, "refs/heads/"];
            self.about(&[id], deadline, || Answer::of_branches(&self.git().run(&question, left(deadline))))
        });
        let told = |answer: Option<Answer>| answer.and_then(Answer::told);
        let lineage = Lineage { fast_forward: told(ancestry), on_branch: told(branch) };
        (lineage, ![ancestry, branch].contains(&Some(Answer::Unknown)))
    }

    fn git(&self) -> Git<'_> {
        Git { folder: &self.folder, url: self.url }
    }

    /// Asks about these objects, if the mirror has them all, or can have them, and they are commits.
    fn about(&self, ids: &[&str], deadline: Instant, ask: impl FnOnce() -> Answer) -> Answer {
        let kind = |id: &&str| Answer::unless_commit(&self.git().run(&["cat-file", "-t", id], left(deadline)));
        ids.iter().find_map(kind).unwrap_or_else(ask)
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32, said: &str) -> Result<Ended> {
        Ok((status, said.to_owned()))
    }

    #[test]
    fn what_git_does_not_say_is_unknown_and_never_no() {
        assert_eq!(Answer::of_ancestry(&ended(0, "")), Answer::Told(true));
        assert_eq!(Answer::of_ancestry(&ended(1, "")), Answer::Told(false));
        assert_eq!(Answer::of_ancestry(&ended(128, "fatal: Not a valid commit name")), Answer::Unknown);
        assert_eq!(Answer::of_branches(&ended(0, "x\n")), Answer::Told(true));
        assert_eq!(Answer::of_branches(&ended(0, "")), Answer::Told(false));
        assert_eq!(Answer::of_branches(&ended(129, "")), Answer::Unknown);
        for killed in [Answer::of_ancestry, Answer::of_branches] {
            assert_eq!(killed(&Err(anyhow::anyhow!("git was killed"))), Answer::Unknown);
        }
    }

    #[test]
    fn only_a_commit_is_asked_about() {
        assert_eq!(Answer::unless_commit(&ended(0, "commit\n")), None);
        assert_eq!(Answer::unless_commit(&ended(0, "blob\n")), Some(Answer::NoCommit));
        assert_eq!(
            Answer::unless_commit(&ended(128, "fatal: git cat-file: could not get object info")),
            Some(Answer::Unknown)
        );
    }
}
