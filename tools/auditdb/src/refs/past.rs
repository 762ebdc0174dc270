//! `auditdb refs --at|--history|--window`: what the record tells of refs over time. It lists, and judges nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use duckdb::types::{TimeUnit, Value};
use duckdb::{Connection, Row, params};
use jiff::Timestamp;
use record::cellblock::{Reference, Target};
use record::fields::Url;
use record::{Action, Category, Outcome, Provider, Record, Type};
use tool::{Exit, OutputArgs, Purpose, Writer};

use super::compare::Before;
use super::named::{self, Named};
use super::spans::{Span, Step, long, spans};
use crate::plural::many;
use crate::read::{Page, Reading, open};
use crate::store::Store;
use crate::when::When;

/// The most memory that an answer may use.
pub(super) const MEMORY: &str = "1GiB";

/// What a person asks about refs of the past.
#[derive(Debug)]
pub(crate) enum Question<'a> {
    /// Where all refs pointed at a time.
    At(When),
    /// All changes of one ref.
    History(&'a str),
    /// The times from when to when a ref pointed where.
    Window(&'a str),
}

/// Answers, of one repository or of all.
pub(crate) fn answer(question: &Question<'_>, repo: Option<&str>, store: &Store, output: OutputArgs) -> Result<Exit> {
    let reading = open(store, MEMORY)?;
    reading.state.warn();
    let connection = &reading.connection;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Tell, output, false);
    match question {
        Question::At(when) => at(connection, repo, *when, &mut out)?,
        Question::Window(name) => window(connection, &named::find(connection, repo, name)?, &mut out)?,
        Question::History(name) => {
            let page = Page::of(None, output);
            history(connection, &named::find(connection, repo, name)?, &page)?;
            return page.finish(&reading.state);
        }
    }
    finish(&reading, out)
}

/// What the record itself could not give makes the answer unknown.
fn finish(reading: &Reading, mut out: Writer) -> Result<Exit> {
    reading.state.reservations().iter().for_each(|_| out.count(Outcome::Unknown));
    out.finish()
}

const CHANGES: &str = "
SELECT raw, provider, epoch_us(received) FROM records
WHERE provider = 'auditdb' AND seq IN (SELECT seq FROM refs WHERE repo = ? AND name = ?) ORDER BY time, seq";

/// The records of its changes, as they came.
fn history(connection: &Connection, of: &Named, page: &Page) -> Result<()> {
    page.print_all(&mut connection.prepare(CHANGES)?.query(params![of.repo, of.name])?)
}

const STEPS: &str = "
SELECT epoch_us(time), old_id, old_peeled, new_id, new_peeled, outcome = 'failure', may_move FROM refs
WHERE repo = ? AND name = ? ORDER BY time, seq";

fn window(connection: &Connection, of: &Named, out: &mut Writer) -> Result<()> {
    let mut statement = connection.prepare(STEPS)?;
    let mut rows = statement.query(params![of.repo, of.name])?;
    let (mut steps, mut may_move) = (Vec::new(), false);
    while let Some(row) = rows.next()? {
        let failed = row.get::<_, Option<bool>>(5)?.unwrap_or(true);
        may_move = row.get::<_, Option<bool>>(6)?.unwrap_or_default();
        steps.push(Step { time: time_of(row.get(0)?)?, old: target(row, 1)?, new: target(row, 3)?, failed });
    }
    for span in spans(&steps) {
        let before =
            span.from.filter(|_| span.exposed).map(|from| round_before(connection, &of.repo, from)).transpose()?;
        out.write(&exposure(of, &span, before.flatten(), may_move))?;
    }
    Ok(())
}

const ROUND_BEFORE: &str = "
SELECT epoch_us(max(time)) FROM records
WHERE provider = 'auditdb' AND action = 'refs-read' AND url = ? AND time < ?";

/// The round before: it still saw what was there until then.
fn round_before(connection: &Connection, repo: &str, time: Timestamp) -> Result<Option<Timestamp>> {
    let found: Option<i64> = connection.query_row(ROUND_BEFORE, params![repo, stamp(time)], |row| row.get(0))?;
    found.map(time_of).transpose()
}

fn exposure(of: &Named, span: &Span, before: Option<Timestamp>, may_move: bool) -> Record {
    let now = Timestamp::now();
    let seconds = span.from.map(|from| span.to.unwrap_or(now).as_second() - from.as_second());
    let what = span.target.as_ref().map_or_else(|| "was gone".to_owned(), |target| format!("pointed to {}", target.id));
    let when = match (span.from, span.to) {
        (Some(from), Some(to)) => format!("from {from} to {to}"),
        (Some(from), None) => format!("since {from}"),
        (None, Some(to)) => format!("until {to}, and before the record begins"),
        (None, None) => String::new(),
    };
    let length = seconds.map(long).map_or_else(String::new, |length| match (span.exposed, span.to) {
        (true, Some(_)) => format!(": exposed for {length}"),
        (true, None) => format!(": exposed for {length} so far"),
        (false, _) => format!(": {length}"),
    });
    let mut record = recalled(of, format!("{} of {} {what} {when}{length}.", of.name, of.repo));
    record.event.start = span.from;
    record.event.end = span.to;
    record.event.duration = seconds.and_then(|seconds| u64::try_from(seconds).ok()?.checked_mul(1_000_000_000));
    if let Some(before) = before {
        record = record.reason(format!("a round found it first; it may have been so since the round before, {before}"));
    }
    record.own().reference =
        Some(Reference { name: of.name.clone(), new: span.target.clone(), may_move, ..Reference::default() });
    record
}

/// The last change up to then, else what the first one after it says was there before. A repository counts from its
/// first round on: what was before, nobody knows.
const AT: &str = "
WITH chosen AS (SELECT * FROM refs WHERE ?1 IS NULL OR repo = ?1),
first AS (SELECT url AS repo, min(time) AS read FROM records WHERE provider = 'auditdb' AND action = 'refs-read' GROUP BY url),
before AS (SELECT * FROM chosen WHERE time <= ?2 QUALIFY row_number() OVER (PARTITION BY repo, name ORDER BY time DESC, seq DESC) = 1),
after AS (SELECT * FROM chosen JOIN first USING (repo) WHERE time > ?2 AND read <= ?2
    QUALIFY row_number() OVER (PARTITION BY repo, name ORDER BY time, seq) = 1)
SELECT * FROM (SELECT coalesce(before.repo, after.repo) AS repo, coalesce(before.name, after.name) AS name,
    CASE WHEN before.name IS NULL THEN after.old_id ELSE before.new_id END AS id,
    CASE WHEN before.name IS NULL THEN after.old_peeled ELSE before.new_peeled END AS peeled,
    epoch_us(before.time) AS since, epoch_us(after.time) AS until,
    coalesce(before.may_move, after.may_move, false) AS may_move
FROM before FULL JOIN after ON before.repo = after.repo AND before.name = after.name)
WHERE id IS NOT NULL ORDER BY repo, name";

fn at(connection: &Connection, repo: Option<&str>, when: When, out: &mut Writer) -> Result<()> {
    let shown = time_of(when.microseconds())?;
    let mut statement = connection.prepare(AT)?;
    let mut rows = statement.query(params![repo, stamp(shown)])?;
    while let Some(row) = rows.next()? {
        let of = Named { repo: row.get(0)?, name: row.get(1)? };
        let Some(target) = target(row, 2)? else { continue };
        let mut record = recalled(&of, format!("{} of {} pointed to {} at {shown}.", of.name, of.repo, target.id));
        record.event.start = row.get::<_, Option<i64>>(4)?.map(time_of).transpose()?;
        record.event.end = row.get::<_, Option<i64>>(5)?.map(time_of).transpose()?;
        record.own().reference =
            Some(Reference { name: of.name, new: Some(target), may_move: row.get(6)?, ..Reference::default() });
        out.write(&record)?;
    }
    known(connection, repo, shown, out)
}

const KNOWN: &str = "
SELECT url, epoch_us(min(time)) AS first,
    TRY_CAST(arg_max(TRY(raw ->> '$.cellblock.references.read'), time) FILTER (time <= ?2) AS UBIGINT) AS refs
FROM records WHERE provider = 'auditdb' AND action = 'refs-read' AND (?1 IS NULL OR url = ?1) GROUP BY url ORDER BY url";

/// How much of each repository the record knows at that time; of one that was read only later, nothing.
fn known(connection: &Connection, repo: Option<&str>, then: Timestamp, out: &mut Writer) -> Result<()> {
    let mut statement = connection.prepare(KNOWN)?;
    let mut rows = statement.query(params![repo, stamp(then)])?;
    while let Some(row) = rows.next()? {
        let url: String = row.get(0)?;
        let first = time_of(row.get(1)?)?;
        if let Some(refs) = row.get::<_, Option<u64>>(2)? {
            eprintln!(
                "auditdb: {} had {} at {then}; one that never moved since the first round has a line only where it is a tag",
                record::escape(&url),
                many(refs, "ref", "refs")
            );
            continue;
        }
        let of = Named { repo: url, name: String::new() };
        let record = recalled(&of, format!("What the refs of {} were at {then} is not known.", of.repo));
        out.check(&record.outcome(Outcome::Unknown).reason(format!("the oldest round in the record is of {first}")))?;
    }
    Ok(())
}

/// What the record knows of a repository.
#[derive(Debug, Default)]
pub(super) struct RefsOfRound {
    /// Where each ref was last; one that is gone, where it was before that.
    pub(super) refs: BTreeMap<String, Before>,
    /// It has the first round, so it knows all tags.
    pub(super) whole: bool,
}

const LAST: &str = "
SELECT name, coalesce(new_id, old_id) AS id, CASE WHEN new_id IS NULL THEN old_peeled ELSE new_peeled END, new_id IS NULL
FROM (FROM refs WHERE repo = ? QUALIFY row_number() OVER (PARTITION BY name ORDER BY time DESC, seq DESC) = 1)
WHERE name IS NOT NULL AND id IS NOT NULL";

const WHOLE: &str =
    "SELECT count(*) > 0 FROM records WHERE provider = 'auditdb' AND action = 'refs-first-seen' AND url = ?";

/// Where the refs of a repository were last.
pub(super) fn last(connection: &Connection, repo: &str) -> Result<RefsOfRound> {
    let mut statement = connection.prepare(LAST)?;
    let mut rows = statement.query(params![repo])?;
    let mut refs = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Some(target) = target(row, 1)? {
            refs.insert(row.get(0)?, Before { target, gone: row.get(3)? });
        }
    }
    Ok(RefsOfRound { refs, whole: connection.query_row(WHOLE, params![repo], |row| row.get(0))? })
}

fn recalled(of: &Named, message: String) -> Record {
    let mut record =
        Record::new(Provider::Auditdb, Action::RefRecalled, message).about(Category::Configuration, Type::Info);
    record.url = Some(Url { full: Some(of.repo.clone()), ..Url::default() });
    record
}

fn target(row: &Row<'_>, at: usize) -> Result<Option<Target>> {
    let id: Option<String> = row.get(at)?;
    let peeled = row.get(at + 1)?;
    Ok(id.map(|id| Target { id, peeled }))
}

fn stamp(time: Timestamp) -> Value {
    Value::Timestamp(TimeUnit::Microsecond, time.as_microsecond())
}

fn time_of(microseconds: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(microseconds).context("a time in the database is out of range")
}
