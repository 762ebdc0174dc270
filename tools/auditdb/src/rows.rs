//! Every row of the database, held against its line in the spool: what people read must be what was written.

mod cursor;
mod repeats;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use duckdb::{Connection, params};

use crate::fold::{Seen, Values};
use crate::line::{self, Scanner};
use crate::plural::many;
use crate::source::Source;
use crate::spool::{Batch, Read, Reader};
use crate::store::Store;
use cursor::Cursor;
use repeats::Repeats;

/// The rows of a segment, as they were appended: in the order of their lines, and that is cheaper than to sort them.
const ROWS: &str = "SELECT * FROM records WHERE segment = ?";
/// The same, where the database was filled in another order.
const SORTED: &str = "SELECT * FROM records WHERE segment = ? ORDER BY position, seq";
/// Things in the catalog that are none of ours: a view or a macro could answer in the place of a table.
const STRANGERS: &str = "
SELECT (SELECT count(*) FROM system.main.duckdb_views() WHERE NOT internal AND NOT temporary)
     + (SELECT count(*) FROM system.main.duckdb_functions() WHERE NOT internal)
     + (SELECT count(*) FROM system.main.duckdb_tables() WHERE table_name NOT IN ('about', 'records', 'segments'))";
const HOMELESS: &str = "
SELECT count(*) FROM records WHERE segment NOT IN (SELECT number FROM segments) OR (segment IS NULL AND NOT
    (provider = 'auditdb' AND action = 'id-clashed' AND vouched))";

/// What is wrong with the database: by segment, and as a whole.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    pub(crate) segments: BTreeMap<String, String>,
    pub(crate) whole: Option<String>,
}

impl Wrong {
    /// Is every row as it was written?
    pub(crate) fn is_nothing(&self) -> bool {
        self.segments.is_empty() && self.whole.is_none()
    }

    fn miss(&mut self, lines: Vec<(String, u64)>) {
        for (segment, position) in lines {
            self.segments.entry(segment).or_insert_with(|| format!("the line at byte {position} has no row"));
        }
    }

    /// The first thing that is wrong.
    pub(crate) fn first(&self) -> Option<String> {
        let segment = || self.segments.iter().next().map(|(name, why)| format!("{why} (segment {name})"));
        self.whole.clone().or_else(segment)
    }
}

/// What becomes of the hashes of the lines, while rows are held against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chains {
    /// They are computed: lines and rows may have been changed together.
    Computed,
    /// They are believed, because the caller computes them itself.
    Believed,
}

/// Holds all rows of the segments that are there against their lines.
///
/// # Errors
/// If the database or the spool cannot be read.
pub(crate) fn check(connection: &Connection, store: &Store, seen: &[Seen], chains: Chains) -> Result<Wrong> {
    let strangers: u64 = connection.query_row(STRANGERS, [], |row| row.get(0))?;
    let homeless: u64 = connection.query_row(HOMELESS, [], |row| row.get(0))?;
    let mut wrong = Wrong::default();
    if strangers > 0 {
        wrong.whole =
            Some(format!("the database holds {} none of ours", many(strangers, "thing that is", "things that are")));
    } else if homeless > 0 {
        wrong.whole = Some(format!("{} of the database in no segment", many(homeless, "row is", "rows are")));
    }
    let mut repeats = Repeats::default();
    for seen in seen {
        let path = store.spool().path().join(&seen.name);
        if !path.exists() {
            continue;
        }
        let mut rows = Rows { connection, scanner: Scanner::default(), seen, chains, repeats: &mut repeats };
        let said = || format!("{}: cannot be read", path.display());
        if let Some(why) = rows.check_in_any_order(&path).with_context(said)? {
            wrong.segments.insert(seen.name.clone(), why);
        }
        if repeats.are_many() {
            wrong.miss(repeats.missing(connection)?);
        }
    }
    wrong.miss(repeats.missing(connection)?);
    Ok(wrong)
}

struct Rows<'c> {
    connection: &'c Connection,
    scanner: Scanner,
    seen: &'c Seen,
    chains: Chains,
    repeats: &'c mut Repeats,
}

impl Rows<'_> {
    /// As the rows come, and else in the order of their lines.
    fn check_in_any_order(&mut self, path: &std::path::Path) -> Result<Option<String>> {
        let before = self.repeats.count();
        if self.check(path, ROWS)?.is_none() {
            return Ok(None);
        }
        self.repeats.keep(before);
        self.check(path, SORTED)
    }

    /// The first row that is not its line's, or line that has no row; `None` if there is none.
    fn check(&mut self, path: &std::path::Path, rows: &str) -> Result<Option<String>> {
        let mut statement = self.connection.prepare(rows)?;
        let mut row = Cursor::begin(statement.query_arrow(params![self.seen.number])?)?;
        let reader = Reader::open(path, None)?;
        let mut reader = if self.chains == Chains::Believed { reader.believing() } else { reader };
        let end = self.seen.reached.map_or(0, |(at, _)| at);
        while let Read::Batch(batch, mut position) = reader.next()? {
            if position >= end {
                // Not folded yet, or kept from being folded by a word in the database.
                return Ok(self.hidden().or(beyond(&row)));
            }
            for raw in line::split(&batch.body) {
                let text = line::text(raw);
                match row.position() {
                    Some(at) if at < position => return Ok(Some(no_line(at))),
                    Some(at) if at == position => {
                        if !self.is_row_of(&row, &text, &batch, position) {
                            return Ok(Some(format!(
                                "the row of the line at byte {position} does not say what the line says"
                            )));
                        }
                        row.advance()?;
                    }
                    _ if self.may_repeat(&text, &batch, position) => {}
                    _ => return Ok(Some(format!("the line at byte {position} has no row"))),
                }
                position += raw.len() as u64 + 1;
            }
        }
        Ok(beyond(&row))
    }

    /// Does the database claim that there is nothing more to fold, where there is?
    fn hidden(&self) -> Option<String> {
        let end = self.seen.reached.map_or(0, |(at, _)| at);
        (self.seen.end > end || self.seen.damaged)
            .then(|| format!("lines from byte {end} on are kept out of the database"))
    }

    fn is_row_of(&mut self, row: &Cursor<'_>, text: &str, batch: &Batch, position: u64) -> bool {
        let place = Some((self.seen.number, position));
        if let Ok(accepted) = line::judge(&mut self.scanner, text, batch.source.as_ref()) {
            return row.is(&Values::of(0, &accepted, text, batch, place));
        }
        // A refused line became a record of ours when it was folded, with its own id and time.
        let judged = row.raw().map(|raw| line::judge(&mut self.scanner, raw, Some(&Source::own())));
        judged
            .and_then(Result::ok)
            .is_some_and(|own| own.columns.action.as_deref() == Some(record::Action::LineRejected.name()))
    }

    /// A line that came twice has the row of the first, which is looked for later. One without an id always has its
    /// own.
    fn may_repeat(&mut self, text: &str, batch: &Batch, position: u64) -> bool {
        let Ok(line) = line::judge(&mut self.scanner, text, batch.source.as_ref()) else { return false };
        let Some(id) = line.columns.id.as_deref() else { return false };
        let provider = batch.source.as_ref().map(Source::as_str).or(line.columns.provider.as_deref());
        self.repeats.note(&self.seen.name, position, provider, id, text);
        true
    }
}

fn beyond(row: &Cursor<'_>) -> Option<String> {
    row.position().map(no_line)
}

fn no_line(position: u64) -> String {
    format!("a row of the database says it is at byte {position}, where no line begins")
}
