//! Asks the database all that a report needs, and folds the answers.

use anyhow::Result;
use duckdb::Connection;

use super::Report;
use super::activity::activity;
use super::check::{Check, Verdict};
use super::checks::checks;
use super::finding::{findings, layers};
use super::incident::{jailed, losses, moved};
use super::pause::pauses;
use super::refused::refusals;
use super::span::Span;
use crate::spool::Folder;

/// Asks. `doubts` are what the reader said of the database itself.
///
/// # Errors
/// What the database says.
pub(crate) fn gather(connection: &Connection, spool: &Folder, span: Span, mut doubts: Vec<String>) -> Result<Report> {
    let checks = checks(connection, span.since)?;
    if checks.cut {
        doubts.push("there are more checks than a report looks at: the oldest of them are left out".to_owned());
    }
    Ok(Report {
        span,
        is_older: is_older(connection, span)?,
        activity: activity(connection, span)?,
        layers: layers(&checks),
        findings: findings(&checks),
        sentences: sentences(&checks.now),
        refusals: refusals(connection, span)?,
        jailed: jailed(connection, span)?,
        moved: moved(connection, span)?,
        losses: losses(connection, span)?,
        pauses: pauses(connection, spool, span)?,
        doubts,
    })
}

fn is_older(connection: &Connection, span: Span) -> Result<bool> {
    let sql = format!("SELECT coalesce(min(time) < make_timestamp({}::BIGINT), false) FROM records", span.since);
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

/// `scripts/acceptance`'s table, counted.
fn sentences(checks: &[Check]) -> Option<([usize; 3], i64)> {
    let tried: Vec<&Check> = checks.iter().filter(|check| check.family == "criterion-evaluated").collect();
    let count = |verdict| tried.iter().filter(|check| check.verdict == verdict).count();
    let last = tried.iter().map(|check| check.time).max()?;
    Some(([count(Verdict::Ok), count(Verdict::Failed), count(Verdict::Unknown)], last))
}
