//! Refs that are not where they belong: each from the line on that says so. It ends when the ref is back, or the policy
//! lets it move or pins it where it is. A round without a change says nothing of them, so only the lines before it do.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use duckdb::{Connection, Row};

use super::check::{Check, Verdict};
use super::checks::Checks;

/// Address of a repository, and the name of a ref of it.
type Key = (String, String);

/// One line of the monitor's.
#[derive(Debug, Clone, Default)]
struct Said {
    action: String,
    repo: String,
    name: String,
    old: Option<String>,
    new: Option<String>,
    /// The pinned refs that lead where they must, by name.
    held: Vec<String>,
    /// Whether the move is against the policy.
    failed: bool,
    /// The check as the report shows it.
    check: Check,
}

/// Where a ref belongs and where it is.
#[derive(Debug, Default)]
struct Place {
    rightful: Option<String>,
    here: Option<String>,
    finding: Option<Check>,
}

/// What the lines so far come to.
#[derive(Debug, Default)]
struct Fold {
    places: BTreeMap<Key, Place>,
    pins: BTreeMap<Key, Check>,
    /// The pins that the round under way found broken.
    broken: BTreeSet<Key>,
    /// By repository: many tags moved in one round, and not all of them are back.
    many: BTreeMap<String, Check>,
}

/// Adds the refs that are not where they belong to the checks.
///
/// # Errors
/// What the database says.
pub(super) fn add(connection: &Connection, since: i64, checks: &mut Checks) -> Result<()> {
    let mut statement = connection.prepare(LINES)?;
    let mut rows = statement.query([])?;
    let (mut fold, mut bad, mut before) = (Fold::default(), BTreeMap::new(), None);
    while let Some(row) = rows.next()? {
        let said = said(row)?;
        if said.check.time >= since && before.is_none() {
            before = Some(fold.findings());
        }
        if let Some(found) = fold.hear(&said).filter(|found| found.time >= since) {
            bad.insert(found.fingerprint(), found);
        }
    }
    checks.before.extend(before.unwrap_or_else(|| fold.findings()));
    checks.now.extend(fold.findings());
    checks.bad.extend(bad.into_values());
    Ok(())
}

impl Fold {
    /// Takes in a line, and gives back what is wrong from it on.
    fn hear(&mut self, said: &Said) -> Option<Check> {
        let key = (said.repo.clone(), said.name.clone());
        match said.action.as_str() {
            "refs-read" => self.end_round(said),
            "refs-moved" if self.is_astray(&said.repo) => {
                self.many.insert(said.repo.clone(), said.check.clone());
                return Some(said.check.clone());
            }
            "refs-moved" => {}
            "ref-pin-broken" => {
                self.broken.insert(key.clone());
                self.pins.insert(key, said.check.clone());
                return Some(said.check.clone());
            }
            _ => return self.places.entry(key).or_insert_with(|| Place::before(said)).go(said),
        }
        None
    }

    /// A pin that the round does not call broken holds.
    fn end_round(&mut self, said: &Said) {
        let (repo, broken) = (&said.repo, std::mem::take(&mut self.broken));
        self.pins.retain(|key, _| key.0 != *repo || broken.contains(key));
        self.broken = broken.into_iter().filter(|key| key.0 != *repo).collect();
        for name in &said.held {
            if let Some(place) = self.places.get_mut(&(repo.clone(), name.clone())) {
                (place.rightful, place.finding) = (place.here.clone(), None);
            }
        }
        if self.many.contains_key(repo) && !self.is_astray(repo) {
            self.many.remove(repo);
        }
    }

    fn is_astray(&self, repo: &str) -> bool {
        self.places.iter().any(|(key, place)| key.0 == repo && place.finding.is_some())
    }

    /// One a ref: of one that is pinned, that its pin is broken.
    fn findings(&self) -> Vec<Check> {
        let moved = self.places.iter().filter(|(key, _)| !self.pins.contains_key(*key));
        let moved = moved.filter_map(|(_, place)| place.finding.as_ref());
        self.many.values().chain(self.pins.values()).chain(moved).cloned().collect()
    }
}

impl Place {
    /// Where a ref was when the first line of it came.
    fn before(said: &Said) -> Self {
        let rightful = if said.failed { said.old.clone() } else { said.new.clone() };
        Self { rightful, ..Self::default() }
    }

    fn go(&mut self, said: &Said) -> Option<Check> {
        // One that came back after it was gone is where it was: that may be the wrong place.
        if !said.failed && said.old.is_some() && said.old != said.new {
            self.rightful.clone_from(&said.new);
        }
        self.here.clone_from(&said.new);
        if self.here == self.rightful {
            self.finding = None;
        } else if said.failed {
            self.finding = Some(said.check.clone());
            return self.finding.clone();
        }
        None
    }
}

/// Of the repositories in which anything ever failed, from then on. Lines are long, and are read for these alone.
const LINES: &str = "
WITH failed AS (
    SELECT time, url FROM records WHERE provider = 'auditdb' AND outcome = 'failure' AND url IS NOT NULL
        AND action IN ('ref-created', 'ref-moved', 'ref-deleted', 'ref-pin-broken')
)
SELECT rowid, epoch_us(time), action, url, coalesce(TRY(about ->> '$.name'), ''),
    TRY(about ->> '$.old.id'), TRY(about ->> '$.new.id'),
    CASE WHEN action = 'refs-read' AND contains(raw, 'held') THEN TRY(raw ->> '$.cellblock.references.held') END,
    coalesce(outcome, 'unknown') = 'failure', coalesce(message, ''), reason, severity
FROM (SELECT rowid, *, CASE WHEN action NOT LIKE 'refs-%' THEN TRY(raw -> '$.cellblock.reference') END AS about FROM records)
WHERE provider = 'auditdb' AND time >= (SELECT min(time) FROM failed) AND url IN (SELECT url FROM failed)
    AND action IN ('ref-first-seen', 'ref-created', 'ref-moved', 'ref-deleted', 'refs-moved', 'ref-pin-broken', 'refs-read')
ORDER BY time, seq";

fn said(row: &Row<'_>) -> Result<Said> {
    let (action, repo, name): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let held = row.get::<_, Option<String>>(7)?.and_then(|held| serde_json::from_str(&held).ok());
    let check = Check {
        provider: "auditdb".to_owned(),
        family: "refs".to_owned(),
        rule: Some(if action == "refs-moved" { action.clone() } else { name.clone() }),
        subject: Some(repo.clone()),
        message: row.get(9)?,
        reason: row.get(10)?,
        verdict: Verdict::Failed,
        severity: row.get::<_, Option<u8>>(11)?.unwrap_or_default(),
        time: row.get(1)?,
        place: row.get(0)?,
        ..Check::default()
    };
    let (old, new, failed) = (row.get(5)?, row.get(6)?, row.get(8)?);
    Ok(Said { action, repo, name, old, new, held: held.unwrap_or_default(), failed, check })
}
