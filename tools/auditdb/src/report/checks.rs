//! Asks the database for the checks: the newest line of each, the newest before a time, and the newest bad one since.

use std::collections::BTreeMap;

use anyhow::Result;
use duckdb::{Connection, Row};

use super::check::{Check, Run, STATES, Verdict, living};
use super::moved_refs;
use super::repeated::repeated;

/// The most lines of checks that are looked at; a cellblock has some hundred checks.
const MOST: usize = 60_000;
/// The most checks of which a mend is looked for.
const EXPLAINED: usize = 1000;

/// What the checks say now and said then.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The newest line of each check.
    pub(super) now: Vec<Check>,
    /// What each said at the beginning of the report's time.
    pub(super) before: Vec<Check>,
    /// The newest line since then that is no pass, of each.
    pub(super) bad: Vec<Check>,
    /// When the newest run of each tool ended, by the tool's name. `scripts/audit` leaves out what passes as it did
    /// before, and keeps the last line of the run.
    pub(super) repeated: BTreeMap<String, i64>,
    /// There are more than were looked at.
    pub(super) cut: bool,
}

/// All actions that tell a verdict on something that is looked at again, and the family that each is of.
const FAMILIES: &[(&str, &str)] = &[
    ("moat-applied", "moat"),
    ("moat-watched", "moat"),
    ("moat-restored", "moat"),
    ("moat-lost", "moat"),
    ("moat-removed", "moat"),
    ("scanner-verified", "scanner"),
    ("scanner-degraded", "scanner"),
    ("scanner-unavailable", "scanner"),
    ("scanner-returned", "scanner"),
    ("engine-heard", "engine"),
    ("engine-silent", "engine"),
    ("engine-started", "engine"),
    ("engine-stopped", "engine"),
    ("refs-read", "refs"),
    ("refs-unreachable", "refs"),
    ("rule-verified", "rule-verified"),
    ("set-verified", "set-verified"),
    ("chain-verified", "chain-verified"),
    ("shadow-checked", "shadow-checked"),
    ("stranger-found", "stranger-found"),
    ("permit-settled", "permit-settled"),
    ("probe-evaluated", "probe-evaluated"),
    ("pin-evaluated", "pin-evaluated"),
    ("part-tested", "part-tested"),
    ("control-evaluated", "control-evaluated"),
    ("service-reported", "service-reported"),
    ("storage-reported", "storage-reported"),
    ("promise-checked", "promise-checked"),
    ("secret-checked", "secret-checked"),
    ("segment-verified", "segment-verified"),
    ("record-verified", "record-verified"),
    ("criterion-evaluated", "criterion-evaluated"),
    ("host-evaluated", "host-evaluated"),
    ("try-evaluated", "try-evaluated"),
    ("remote-checked", "remote-checked"),
];

/// Of a line without a verdict: is the state that it tells of a good one?
const UNSAID: &str = "CASE WHEN action IN ('moat-applied', 'moat-watched', 'moat-restored', 'scanner-returned', \
    'scanner-verified', 'engine-heard', 'engine-started') THEN 'success' \
    WHEN action IN ('moat-removed', 'moat-lost') THEN 'failure' ELSE 'unknown' END";

/// A number that grows with time, and with the row within a microsecond: one maximum finds the newest line.
pub(super) const KEY: &str = "epoch_us(time)::HUGEINT * 1099511627776 + rowid";

/// Asks; `since` is in microseconds.
///
/// # Errors
/// What the database says.
pub(super) fn checks(connection: &Connection, since: i64) -> Result<Checks> {
    let ends = ends(connection)?;
    let mut statement = connection.prepare(&select(since))?;
    let mut rows = statement.query([])?;
    let (mut all, mut seen) = (Checks::default(), 0);
    while let Some(row) = rows.next()? {
        let check = check(row, &ends)?;
        let look: String = row.get(0)?;
        match look.as_str() {
            "now" => all.now.push(check),
            "before" => all.before.push(check),
            _ => all.bad.push(check),
        }
        seen += 1;
    }
    all.cut = seen >= MOST;
    all.now = living(all.now);
    all.before = living(all.before);
    explain(connection, &mut all.now)?;
    moved_refs::add(connection, since, &mut all)?;
    all.repeated = repeated(connection)?;
    Ok(all)
}

/// What only the line itself holds, of the checks that are no pass. Lines are long, and are read for these alone.
fn explain(connection: &Connection, checks: &mut [Check]) -> Result<()> {
    let mut bad: BTreeMap<i64, &mut Check> = BTreeMap::new();
    bad.extend(
        checks
            .iter_mut()
            .filter(|check| check.verdict != Verdict::Ok)
            .take(EXPLAINED)
            .map(|check| (check.place, check)),
    );
    let places: Vec<String> = bad.keys().map(i64::to_string).collect();
    if places.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT rowid, raw->>'$.cellblock.mend', raw->>'$.rule.description' FROM records
         WHERE rowid IN (SELECT unnest([{}]))",
        places.join(", ")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(check) = bad.get_mut(&row.get(0)?) {
            (check.mend, check.gain) = (row.get(1)?, row.get(2)?);
        }
    }
    Ok(())
}

fn select(since: i64) -> String {
    let quoted =
        |words: &mut dyn Iterator<Item = &str>| words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let actions = quoted(&mut FAMILIES.iter().map(|(action, _)| *action));
    let states = quoted(&mut STATES.into_iter());
    let families: String = FAMILIES
        .iter()
        .filter(|(action, family)| action != family)
        .map(|(action, family)| format!(" WHEN '{action}' THEN '{family}'"))
        .collect();
    format!(
        "WITH looked AS (
             SELECT provider, CASE action{families} ELSE action END AS family, container, network, file_path, url, rule_id,
                    rule_name, message, time, {KEY} AS key, coalesce(outcome, {UNSAID}) AS verdict
             FROM records WHERE action IN ({actions})
         ), latest AS (
             SELECT max(key) AS now, max(key) FILTER (epoch_us(time) < {since}) AS before,
                    max(key) FILTER (epoch_us(time) >= {since} AND verdict <> 'success') AS bad
             FROM looked
             GROUP BY provider, family, container, network, file_path, url, rule_id, rule_name,
                      CASE WHEN rule_id IS NULL AND family NOT IN ({states}) THEN message END
         ), picked AS (
             SELECT * FROM (SELECT unnest([now, before, bad]) AS key, unnest(['now', 'before', 'bad']) AS look FROM latest)
             WHERE key IS NOT NULL ORDER BY key DESC LIMIT {MOST}
         ), found AS (
             SELECT rowid AS place, * EXCLUDE (raw) FROM records
             WHERE rowid IN (SELECT (key % 1099511627776)::BIGINT FROM picked)
         )
         SELECT look, provider, CASE action{families} ELSE action END, container, coalesce(network, file_path, url), rule_id,
                coalesce(message, ''), reason, coalesce(outcome, {UNSAID}), severity, epoch_us(time), segment, position, place
         FROM picked JOIN found ON place = (key % 1099511627776)::BIGINT ORDER BY key"
    )
}

fn check(row: &Row<'_>, ends: &[(u32, u64)]) -> Result<Check> {
    let verdict: String = row.get(8)?;
    let (segment, position): (u32, u64) = (row.get(11)?, row.get(12)?);
    Ok(Check {
        provider: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        family: row.get(2)?,
        container: row.get(3)?,
        subject: row.get(4)?,
        rule: row.get(5)?,
        message: row.get(6)?,
        reason: row.get(7)?,
        mend: None,
        gain: None,
        place: row.get(13)?,
        verdict: Verdict::of(&verdict),
        severity: row.get::<_, Option<u8>>(9)?.unwrap_or_default(),
        time: row.get(10)?,
        run: run(ends, segment, position),
    })
}

/// Where runs ended: segment and position, in order.
fn ends(connection: &Connection) -> Result<Vec<(u32, u64)>> {
    let sql = "SELECT segment, position FROM records WHERE action = 'run-finished' ORDER BY ALL";
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn run(ends: &[(u32, u64)], segment: u32, position: u64) -> Run {
    (segment, ends.partition_point(|end| *end < (segment, position)))
}
