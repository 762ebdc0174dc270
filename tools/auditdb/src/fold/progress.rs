//! How far each segment was folded: kept in the database, saved with the rows.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use duckdb::{Connection, params};

use crate::chain::Link;
use crate::spool::SegmentFile;

/// What the database knows of a segment.
#[derive(Debug, Clone, Default)]
pub(super) struct SegmentProgress {
    /// Its number in the database, from 1.
    pub(super) number: u32,
    /// Where the next batch begins, and the chain's link there.
    pub(super) reached: Option<(u64, Link)>,
    /// How many of its lines are in the database.
    pub(super) lines: u64,
    /// Bytes at the end that are no whole batch: a writer is at it, or died in the middle.
    pub(super) torn: u64,
    /// Why nothing behind `reached` can be trusted.
    pub(super) damaged: Option<String>,
}

impl SegmentProgress {
    /// How much of the file was looked at.
    fn end(&self) -> u64 {
        self.reached.map_or(0, |(at, _)| at) + self.torn
    }
}

/// What is remembered of a segment, for who checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The segment's file name, without its folder.
    pub(crate) name: String,
    /// Its number in the database.
    pub(crate) number: u32,
    /// How far it was folded, and the chain's link there.
    pub(crate) reached: Option<(u64, Link)>,
    /// How much of the file was looked at, in bytes.
    pub(crate) end: u64,
    /// How many of its lines are in the database.
    pub(crate) lines: u64,
    /// Does the database say that it cannot be trusted to its end?
    pub(crate) damaged: bool,
}

/// How far each segment is in the database, by its name.
#[derive(Debug, Default)]
pub(super) struct Progress {
    known: BTreeMap<String, SegmentProgress>,
    changed: Vec<String>,
}

impl Progress {
    /// Reads how far each segment is in the database.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let mut statement =
            connection.prepare("SELECT name, number, position, head, lines, torn, damaged FROM segments")?;
        let mut rows = statement.query([])?;
        let mut known = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let head: Option<String> = row.get(3)?;
            let link = head.map(|head| head.parse::<Link>()).transpose().ok();
            let link = link
                .with_context(|| format!("the database holds no hash for {name}; `auditdb rebuild` makes it again"))?;
            let reached = link.map(|link| row.get(2).map(|at: u64| (at, link))).transpose()?;
            known.insert(
                name,
                SegmentProgress {
                    number: row.get(1)?,
                    reached,
                    lines: row.get(4)?,
                    torn: row.get(5)?,
                    damaged: row.get(6)?,
                },
            );
        }
        Ok(Self { known, changed: Vec::new() })
    }

    /// Does the file hold more than was folded?
    pub(super) fn is_behind(&self, segment: &SegmentFile) -> bool {
        match self.known.get(&segment.name) {
            Some(known) if known.damaged.is_some() => false,
            Some(known) => segment.length > known.end(),
            None => segment.length > 0,
        }
    }

    /// The database's state of a segment; a new one gets its number now.
    pub(super) fn of(&mut self, name: &str) -> SegmentProgress {
        let next = self.known.values().map(|known| known.number).max().unwrap_or(0) + 1;
        self.known
            .entry(name.to_owned())
            .or_insert_with(|| SegmentProgress { number: next, ..SegmentProgress::default() })
            .clone()
    }

    /// Notes that a segment was read up to here.
    pub(super) fn reached(&mut self, name: &str, reached: Option<(u64, Link)>, lines: u64) {
        if let Some(known) = self.known.get_mut(name) {
            known.reached = reached;
            known.torn = 0;
            known.lines += lines;
        }
        self.touch(name);
    }

    /// Notes that a segment ends, for now, with so many bytes that are no whole batch.
    pub(super) fn torn(&mut self, name: &str, bytes: u64) {
        if let Some(known) = self.known.get_mut(name).filter(|known| known.torn != bytes) {
            known.torn = bytes;
            self.touch(name);
        }
    }

    /// Notes that what follows in a segment cannot be trusted.
    pub(super) fn mark(&mut self, name: &str, reason: String) {
        if let Some(known) = self.known.get_mut(name) {
            known.damaged = Some(reason);
        }
        self.touch(name);
    }

    /// Is there anything to save?
    pub(super) fn is_dirty(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The segments that cannot be trusted to their end.
    pub(super) fn damaged(&self) -> Vec<(String, String)> {
        self.known.iter().filter_map(|(name, known)| known.damaged.clone().map(|why| (name.clone(), why))).collect()
    }

    /// Every segment that the database remembers.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let seen = |(name, known): (&String, &SegmentProgress)| Seen {
            name: name.clone(),
            number: known.number,
            reached: known.reached,
            end: known.end(),
            lines: known.lines,
            damaged: known.damaged.is_some(),
        };
        self.known.iter().map(seen).collect()
    }

    /// Saves what changed, in the transaction that is open.
    pub(super) fn save(&mut self, connection: &Connection) -> Result<()> {
        for name in self.changed.drain(..) {
            let Some(known) = self.known.get(&name) else { continue };
            let (at, head) = known.reached.map(|(at, link)| (at, link.to_string())).unzip();
            connection.execute("DELETE FROM segments WHERE name = ?", params![name])?;
            connection.execute(
                "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![known.number, name, at.unwrap_or(0), head, known.lines, known.torn, known.damaged],
            )?;
        }
        Ok(())
    }

    fn touch(&mut self, name: &str) {
        if self.changed.last().is_none_or(|last| last != name) && !self.changed.iter().any(|seen| seen == name) {
            self.changed.push(name.to_owned());
        }
    }
}
