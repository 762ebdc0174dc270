//! A report as a screen of text.

use record::Severity;

use super::Report;
use super::activity::Slot;
use super::check::Check;
use super::finding::{Finding, Standing, Standings};
use super::lines::{Colour, Lines, sparkline};
use super::span::{DAY, long, moment};
use crate::plural::many;

/// Rows that a list has before it is cut; a screen is short.
const ROWS: usize = 5;
/// Columns of a sparkline.
const BARS: usize = 56;
/// The proof runs every day: what is older than two speaks of another day.
pub(super) const OLD: i64 = 2 * DAY;
/// Why no stream was read where every writer ended, and others began later.
pub(super) const NOBODY: &str = "the host was down, or what collects was not running";

/// All of it, with a line break at its end.
pub(crate) fn text(report: &Report, coloured: bool) -> String {
    let mut lines = Lines::new(coloured);
    head(&mut lines, report);
    lines.head("LAYER    VERDICT  CHECKED      WHAT THE LAST CHECKS SAID", "");
    report.layers.iter().for_each(|standings| layer(&mut lines, standings, report.span.until));
    sentences(&mut lines, report);
    for (standing, name) in [(Standing::New, "NEW"), (Standing::Open, "STILL OPEN"), (Standing::Mended, "MENDED")] {
        list(&mut lines, name, &report.found(standing));
    }
    unknown(&mut lines, report);
    refused(&mut lines, report);
    incidents(&mut lines, report);
    gaps(&mut lines, report);
    activity(&mut lines, report);
    lines.finish()
}

fn head(lines: &mut Lines, report: &Report) {
    let (since, until) = (moment(report.span.since), moment(report.span.until));
    let count = report.activity.lines();
    let newest = report.activity.last().map(|last| format!(", the last {} ago", long(report.span.until - last)));
    let what = match newest {
        None => "nothing recorded: that is no pass".to_owned(),
        Some(newest) => format!("{}{newest}", many(count, "line", "lines")),
    };
    lines.row(&[(&format!("{since} – {until} UTC"), 31, Colour::Bold), (&what, 0, Colour::None)]);
}

fn layer(lines: &mut Lines, standings: &Standings, now: i64) {
    let verdict = standings.verdict();
    let age = standings.last.map_or_else(|| "never".to_owned(), |last| format!("{} ago", long(now - last)));
    let is_old = standings.last.is_none_or(|last| now - last > OLD);
    let said = said(standings);
    lines.row(&[
        (standings.layer.name(), 8, Colour::None),
        (verdict.word(), 8, Colour::of(verdict)),
        (&age, 12, if is_old { Colour::Yellow } else { Colour::None }),
        (&said, 0, Colour::None),
    ]);
}

/// How many checks failed, are unknown and passed; or who could say it.
pub(super) fn said(standings: &Standings) -> String {
    let counts = [(standings.failed, "failed"), (standings.unknown, "unknown"), (standings.ok, "ok")];
    let told: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { format!("nothing; ask {}", standings.layer.asked_by()) } else { told.join(", ") }
}

fn sentences(lines: &mut Lines, report: &Report) {
    let Some(([ok, failed, unknown], last)) = report.sentences else { return };
    let age = long(report.span.until - last);
    lines.line(&format!("Acceptance, {age} ago: {ok} sentences hold, {failed} do not, {unknown} are unknown."));
}

fn list(lines: &mut Lines, name: &str, found: &[&Finding]) {
    if found.is_empty() {
        return;
    }
    lines.head(name, &format!("({})", found.len()));
    for finding in found.iter().take(ROWS) {
        row(lines, finding);
    }
    rest(lines, found.len(), ROWS, "auditdb report --format jsonl");
}

fn row(lines: &mut Lines, finding: &Finding) {
    let check = &finding.check;
    let is_mended = finding.standing == Standing::Mended;
    let (word, colour) =
        if is_mended { ("mended", Colour::Green) } else { (check.verdict.word(), Colour::of(check.verdict)) };
    let severity = if is_mended { "" } else { severity(check.severity) };
    lines.row(&[
        (word, 7, colour),
        (severity, 8, colour),
        (check.rule.as_deref().unwrap_or(&check.family), 26, Colour::None),
        (check.target(), 9, Colour::None),
        (sentence(check), 0, Colour::None),
    ]);
    if let (Some(mend), false) = (&check.mend, is_mended) {
        lines.row(&[("", 15, Colour::None), (&format!("fix: {mend}"), 0, Colour::None)]);
    }
}

/// Why, where the line says so; else what it says.
fn sentence(check: &Check) -> &str {
    check.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or(&check.message)
}

/// The word for a severity, by Elastic's levels (21, 47, 73, 99).
pub(super) fn severity(number: u8) -> &'static str {
    match Severity::from(number) {
        Severity::Informational => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn unknown(lines: &mut Lines, report: &Report) {
    let (found, never) = (report.unknown(), report.never());
    let count = found.len() + never.len() + report.doubts.len();
    if count == 0 {
        return;
    }
    lines.head("NOT EVALUATED", &format!("({count})"));
    for doubt in &report.doubts {
        lines.row(&[("unknown", 7, Colour::Yellow), (doubt, 0, Colour::None)]);
    }
    for finding in found.iter().take(ROWS) {
        row(lines, finding);
    }
    rest(lines, found.len(), ROWS, "auditdb report --format jsonl");
    if !never.is_empty() {
        lines
            .row(&[("unknown", 7, Colour::Yellow), (&format!("never checked: {}", never.join(", ")), 0, Colour::None)]);
    }
}

fn refused(lines: &mut Lines, report: &Report) {
    let found = &report.refusals;
    if found.times == 0 {
        return;
    }
    let targets = many(found.targets, "destination", "destinations");
    lines.head("REFUSED", &format!("{targets}, {}", many(found.times, "line", "lines")));
    for refusal in found.top.iter().take(ROWS) {
        lines.row(&[
            (&format!("{}×", refusal.times), 7, Colour::None),
            (&refusal.target, 34, Colour::None),
            (&refusal.who, 10, Colour::None),
            (refusal.layer().name(), 5, Colour::None),
            (&moment(refusal.last), 0, Colour::None),
        ]);
    }
    rest(lines, usize::try_from(found.targets).unwrap_or(usize::MAX), ROWS, "auditdb events --action flow-denied");
}

fn incidents(lines: &mut Lines, report: &Report) {
    let jailed = &report.jailed;
    if jailed.all > 0 {
        lines.head("JAILED", &format!("({})", jailed.all));
        for file in jailed.named.iter().take(ROWS) {
            let colour = if file.action == "file-quarantined" { Colour::Yellow } else { Colour::Red };
            let what = format!("{} {}", file.action.trim_start_matches("file-"), file.found);
            lines.row(&[(&moment(file.time), 12, Colour::None), (&what, 34, colour), (&file.path, 0, Colour::None)]);
        }
        rest(lines, usize::try_from(jailed.all).unwrap_or(usize::MAX), ROWS, "scanwatch jail list");
    }
    let moved: Vec<_> = report.exposures().collect();
    if moved.is_empty() {
        return;
    }
    lines.head("MOVED REFS", &format!("({})", moved.len()));
    for one in moved.iter().take(ROWS) {
        let window = window(one, report.span.until);
        let name = one.name.trim_start_matches("refs/");
        let colour = if one.severity >= 73 { Colour::Red } else { Colour::Yellow };
        lines.row(&[(&moment(one.time), 12, Colour::None), (name, 18, colour), (&window, 0, Colour::None)]);
    }
    rest(lines, moved.len(), ROWS, "auditdb events --action ref-moved");
}

/// The old and the new target, and for how long it pointed there.
pub(super) fn window(moved: &super::Moved, now: i64) -> String {
    let short = |id: &Option<String>| id.as_deref().map_or("gone".to_owned(), |id| id.chars().take(7).collect());
    let (old, new) = (short(&moved.old), short(&moved.new));
    let length = long(moved.until.unwrap_or(now) - moved.time);
    match (moved.until, moved.is_back) {
        (None, _) => format!("{old} → {new}, for {length} now"),
        (Some(_), true) => format!("{old} → {new}, back after {length}"),
        (Some(_), false) => format!("{old} → {new}, moved on after {length}"),
    }
}

fn gaps(lines: &mut Lines, report: &Report) {
    let silences = report.silences();
    let stretches = silences.len() + report.pauses.len();
    let count = u64::try_from(stretches).unwrap_or(u64::MAX).saturating_add(report.losses.all);
    if count == 0 {
        return;
    }
    lines.head("GAPS", &format!("({count})"));
    for loss in report.losses.named.iter().take(ROWS) {
        lines.row(&[(&moment(loss.time), 12, Colour::Red), (&loss.message, 0, Colour::None)]);
    }
    for (from, to) in report.pauses.iter().rev().take(ROWS) {
        let what = format!("no stream was read for {}, until {}:", long(to - from), moment(*to));
        lines.row(&[(&moment(*from), 12, Colour::Yellow), (&what, 0, Colour::None)]);
        lines.row(&[("", 12, Colour::None), (NOBODY, 0, Colour::None)]);
    }
    for (from, to) in silences.iter().rev().take(ROWS) {
        let what = format!("nothing recorded for {}, until {}", long(to - from), moment(*to));
        lines.row(&[(&moment(*from), 12, Colour::Yellow), (&what, 0, Colour::None)]);
    }
    let left = silences.len().saturating_sub(ROWS) + report.pauses.len().saturating_sub(ROWS);
    rest(lines, left + ROWS, ROWS, "auditdb report --format jsonl");
}

/// What of a slot a sparkline shows.
type Of = fn(&Slot) -> u64;

fn activity(lines: &mut Lines, report: &Report) {
    if report.activity.lines() == 0 {
        return;
    }
    lines.head("ACTIVITY", &format!("each mark is {}", long(report.span.width(BARS))));
    let rows: [(&str, Of); 4] = [
        ("lines", |slot| slot.lines),
        ("requests", |slot| slot.requests),
        ("refused", |slot| slot.refusals),
        ("alerts", |slot| slot.alerts),
    ];
    for (name, of) in rows {
        let series = report.activity.series(of, BARS);
        let sum: u64 = series.iter().sum();
        lines.row(&[
            (name, 9, Colour::None),
            (&sparkline(&series), BARS, Colour::None),
            (&sum.to_string(), 0, Colour::None),
        ]);
    }
}

fn rest(lines: &mut Lines, all: usize, shown: usize, ask: &str) {
    if all > shown {
        lines.line(&format!("        … and {} more: {ask}", all - shown));
    }
}
