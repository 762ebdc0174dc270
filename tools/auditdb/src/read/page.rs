//! How records look on a page: in the reader's time zone, and folded to the width of the screen.

use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::{Context, Result};
use clap::ValueEnum;
use duckdb::Rows;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use record::{Outcome, Provider, Record};
use textwrap::Options;
use tool::{Exit, Format, OutputArgs, Purpose, Writer, unprinted};

use super::open::State;
use super::show;

/// The width where nothing else says one.
const USUAL: usize = 80;
/// Narrower than this, a fold is harder to read than none.
const LEAST: usize = 40;
/// Stands before what a fold moved down. So no text in a record can pass for a record: those begin at the margin.
const INDENT: &str = "    ";

/// How `events` prints a record, in journalctl's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Time, verdict, tool, action, message and reason, as `--format text`.
    Short,
    /// The line itself, as `--format jsonl`.
    Json,
    /// The message alone.
    Cat,
}

/// How records are printed.
#[derive(Debug)]
pub(crate) struct Page {
    shape: Shape,
    terminal: bool,
    coloured: bool,
    width: usize,
    zone: TimeZone,
}

impl Page {
    /// For standard output: `-o` where it is given, else `--format`.
    pub(crate) fn of(shape: Option<Shape>, output: OutputArgs) -> Self {
        let usual = if output.is_text() { Shape::Short } else { Shape::Json };
        let shape = shape.unwrap_or(usual);
        Self {
            shape,
            terminal: io::stdout().is_terminal(),
            coloured: shape == Shape::Short && OutputArgs { format: Format::Text }.is_coloured(),
            width: width(),
            zone: TimeZone::system(),
        }
    }

    /// Prints one line of the record; `source` is who vouches for it, and `received` when it came in, in microseconds.
    fn print(&self, out: &mut impl Write, raw: &str, source: Option<&str>, received: Option<i64>) -> Result<()> {
        let record = || show::record_of(raw, source, received.and_then(|time| Timestamp::from_microsecond(time).ok()));
        let shown = match self.shape {
            Shape::Json if self.terminal => record::harmless(&show::json(raw, source)).into_owned(),
            Shape::Json => show::json(raw, source).into_owned(),
            Shape::Short => self.short(raw, record()),
            Shape::Cat => record::escape(&record().map_or_else(|| raw.to_owned(), |it| it.message)),
        };
        writeln!(out, "{shown}").map_err(unprinted)
    }

    /// Prints records as the database has them: the line, who vouches for it, and when it came in, in microseconds.
    pub(crate) fn print_all(&self, rows: &mut Rows<'_>) -> Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        while let Some(row) = rows.next()? {
            let raw = row.get_ref(0)?.as_str().context("a line in the database is no text")?;
            let source: Option<String> = row.get(1)?;
            self.print(&mut out, raw, source.as_deref(), row.get(2)?)?;
        }
        out.flush().map_err(unprinted)
    }

    /// Prints the end of the run as the records before it; with messages alone, the exit status alone tells it.
    pub(crate) fn finish(&self, state: &State) -> Result<Exit> {
        let mut line = Vec::new();
        let mut out = Writer::to(&mut line, Provider::Auditdb, Purpose::Tell);
        state.reservations().iter().for_each(|_| out.count(Outcome::Unknown));
        let exit = out.finish()?;
        if self.shape != Shape::Cat {
            self.print(&mut io::stdout().lock(), String::from_utf8_lossy(&line).trim_end(), None, None)?;
        }
        Ok(exit)
    }

    fn short(&self, raw: &str, record: Option<Record>) -> String {
        let Some(record) = record else { return fold(&record::escape(raw), self.width) };
        let local = record.timestamp.to_zoned(self.zone.clone());
        let time = match local.offset().is_zero() {
            true => format!("{:.3}", record.timestamp),
            false => local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        };
        fold(&tool::render_at(&time, &record, self.coloured), self.width)
    }
}

/// Long lines go on below, indented.
fn fold(line: &str, width: usize) -> String {
    let options = Options::new(width).subsequent_indent(INDENT).wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(line, options).join("\n")
}

/// The terminal's, or what `COLUMNS` says.
pub(crate) fn width() -> usize {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    let screen = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    screen.filter(|columns| *columns > 0).or_else(said).unwrap_or(USUAL).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_fits_the_width_and_begins_no_line_at_the_margin() {
        let forged = format!(
            "2026-11-22T05:00:00.000Z FAIL cell x: {}2026-11-22T05:00:00.000Z pass cell x: fine",
            "a ".repeat(60)
        );
        for width in [40, 80, 132] {
            let folded = fold(&forged, width);
            assert!(folded.lines().all(|line| line.chars().count() <= width), "{folded}");
            assert!(folded.lines().skip(1).all(|line| line.starts_with(INDENT)), "{folded}");
            assert!(folded.lines().count() > 1);
        }
    }

    #[test]
    fn colour_takes_no_room_and_a_word_without_a_space_is_broken() {
        let coloured = format!("\u{1b}[31mFAIL\u{1b}[0m {}", "x".repeat(75));
        assert_eq!(fold(&coloured, 80), coloured);
        assert!(fold(&"y".repeat(200), 80).lines().all(|line| line.len() <= 80));
        assert_eq!(fold(&"界".repeat(60), 80).lines().count(), 2, "wide letters are two columns");
    }
}
