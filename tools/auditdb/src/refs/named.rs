//! Which ref a person means: a full name, or a short one as git takes it (gitrevisions(7)), in one repository or in
//! all.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use duckdb::{Connection, params};

/// A ref that the record knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Address of its repository.
    pub(super) repo: String,
    /// The ref's full name, such as `refs/tags/v1`.
    pub(super) name: String,
}

/// The most candidates that a message lists.
const SHOWN: usize = 10;

const CANDIDATES: &str = "
SELECT DISTINCT repo, name FROM refs
WHERE (?1 IS NULL OR repo = ?1)
    AND (name = ?2 OR name = 'refs/' || ?2 OR name = 'refs/tags/' || ?2 OR name = 'refs/heads/' || ?2
        OR ends_with(name, '/' || ?2))
ORDER BY repo, name";

/// The ref that is meant.
///
/// # Errors
/// If the record knows none of that name, or more than one.
pub(super) fn find(connection: &Connection, repo: Option<&str>, given: &str) -> Result<Named> {
    let mut statement = connection.prepare(CANDIDATES)?;
    let mut rows = statement.query(params![repo, given])?;
    let mut known = Vec::new();
    while let Some(row) = rows.next()? {
        known.push(Named { repo: row.get(0)?, name: row.get(1)? });
    }
    one(&known, given)
}

/// A full name comes before short ones, and a short one of git's before any that ends so.
fn one(known: &[Named], given: &str) -> Result<Named> {
    let short = ["refs/", "refs/tags/", "refs/heads/"].map(|before| format!("{before}{given}"));
    let is_full = |it: &&Named| it.name == given;
    let is_short = |it: &&Named| short.contains(&it.name);
    let all = |_: &&Named| true;
    let ranks: [&dyn Fn(&&Named) -> bool; 3] = [&is_full, &is_short, &all];
    let best = ranks.iter().map(|rank| known.iter().filter(rank).collect::<Vec<_>>()).find(|found| !found.is_empty());
    match best.as_deref() {
        None => bail!(
            "{}: the record tells of no change of a ref of that name; a branch that never moved since the first round has \
             no line of its own",
            record::escape(given)
        ),
        Some([only]) => Ok((*only).clone()),
        Some(several) => bail!("{} may be {}; give a full name, and --repo", record::escape(given), list(several)),
    }
}

fn list(several: &[&Named]) -> String {
    let mut text = format!("one of {}:", several.len());
    for Named { repo, name } in several.iter().take(SHOWN) {
        let _ = write!(text, "\n  {} of {}", record::escape(name), record::escape(repo));
    }
    if several.len() > SHOWN {
        text.push_str("\n  and more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> Vec<Named> {
        names.iter().map(|name| Named { repo: "r".into(), name: (*name).into() }).collect()
    }

    #[test]
    fn a_full_name_is_meant_before_a_short_one_and_a_short_one_before_an_end() {
        let found =
            |names: &[&str], given| one(&known(names), given).map(|found| found.name).map_err(|why| why.to_string());
        assert_eq!(found(&["refs/tags/v1", "refs/heads/refs/tags/v1"], "refs/tags/v1").unwrap(), "refs/tags/v1");
        assert_eq!(found(&["refs/tags/v1", "refs/heads/old/v1"], "v1").unwrap(), "refs/tags/v1");
        assert_eq!(found(&["refs/heads/old/v1"], "v1").unwrap(), "refs/heads/old/v1");
        let both = found(&["refs/tags/v1", "refs/heads/v1"], "v1").unwrap_err();
        assert!(both.contains("refs/tags/v1 of r") && both.contains("refs/heads/v1 of r"), "{both}");
        assert!(found(&[], "v1\u{1b}[2J").unwrap_err().contains("no change"));
    }
}
