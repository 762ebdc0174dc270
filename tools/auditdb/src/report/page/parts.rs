//! The parts of the page that are words. All text is escaped: for HTML by maud, and before that for people by
//! [`record::escape`]: no name turns the direction of a line.

use maud::{Markup, html};
use record::escape;

use super::timeline::Entry;
use crate::report::Report;
use crate::report::check::Verdict;
use crate::report::finding::{Finding, Standing};
use crate::report::span::{long, moment};
use crate::report::text::{NOBODY, said, severity, window};

/// Severities to choose from.
const LEVELS: [(&str, &str); 5] = [("0", "all"), ("21", "low"), ("47", "medium"), ("73", "high"), ("99", "critical")];
/// The most findings of a sort that the page lists.
const MOST: usize = 200;

/// The names of a table's columns.
pub(super) fn head(names: &[&str]) -> Markup {
    html! { thead { tr { @for name in names { th scope="col" { (name) } } } } }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Unknown => "unknown",
        Verdict::Failed => "failed",
    }
}

/// What the last checks said of each layer.
pub(super) fn layers(report: &Report) -> Markup {
    html! {
        section aria-labelledby="layers" {
            h2 id="layers" { "Layers" }
            ul.layers {
                @for standings in &report.layers {
                    li class=(class(standings.verdict())) {
                        (standings.layer.name()) " " strong { (standings.verdict().word()) }
                        small { (said(standings)) }
                        small { @match standings.last {
                            Some(last) => { "checked " (long(report.span.until - last)) " ago" }
                            None => { "never checked" }
                        } }
                    }
                }
            }
            @if let Some(([ok, failed, unknown], last)) = report.sentences {
                p { "Acceptance, " (long(report.span.until - last)) " ago: " (ok) " sentences hold, " (failed) " do not, " (unknown) " are unknown." }
            }
        }
    }
}

/// New, still open and mended.
pub(super) fn findings(report: &Report) -> Markup {
    let found = [Standing::New, Standing::Open, Standing::Mended].map(|standing| report.found(standing)).concat();
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "Findings" }
            (table(&found, "No check failed, of those that were made."))
        }
    }
}

/// What could not be evaluated.
pub(super) fn unknown(report: &Report) -> Markup {
    let (found, never) = (report.unknown(), report.never());
    html! {
        section aria-labelledby="unknown" {
            h2 id="unknown" { "Not evaluated" }
            @for doubt in &report.doubts { p { strong.unknown { "unknown" } " " (escape(doubt)) } }
            @if !never.is_empty() { p { strong.unknown { "never checked" } " " (never.join(", ")) } }
            @if !found.is_empty() || (never.is_empty() && report.doubts.is_empty()) { (table(&found, "Everything that was asked was answered.")) }
        }
    }
}

fn table(found: &[&Finding], none: &str) -> Markup {
    if found.is_empty() {
        return html! { p.none { (none) } };
    }
    html! {
        table.stack {
            (head(&["Standing", "Verdict", "Check", "Of", "What was said", "When"]))
            tbody { @for finding in found.iter().take(MOST) { (row(finding)) } }
        }
        @if found.len() > MOST { p.none { "… and " (found.len() - MOST) " more." } }
    }
}

fn row(finding: &Finding) -> Markup {
    let check = &finding.check;
    let is_mended = finding.standing == Standing::Mended;
    let reason = check.reason.as_deref().filter(|reason| !reason.is_empty());
    html! {
        tr {
            td { (finding.standing.word()) }
            td.short {
                @if is_mended { strong.ok { "mended" } }
                @else { strong class=(class(check.verdict)) { (check.verdict.word()) } " " (severity(check.severity)) }
            }
            td { (escape(check.rule.as_deref().unwrap_or(&check.family))) }
            td { (escape(check.target())) }
            td.long {
                (escape(&check.message))
                @if let Some(reason) = reason { " (" (escape(reason)) ")" }
                @if let Some(gain) = &check.gain { small { " " (escape(gain)) } }
                @if let (Some(mend), false) = (&check.mend, is_mended) { " Fix: " code { (escape(mend)) } }
            }
            td.short { (moment(check.time)) }
        }
    }
}

/// Jailed files, moved refs and gaps.
pub(super) fn incidents(report: &Report) -> Markup {
    let moved: Vec<_> = report.exposures().take(MOST).collect();
    let silences = report.silences();
    html! {
        section aria-labelledby="incidents" {
            h2 id="incidents" { "Incidents and gaps" }
            @if report.jailed.named.is_empty() && moved.is_empty() && silences.is_empty() && report.pauses.is_empty() && report.losses.named.is_empty() {
                p.none { "No file was jailed, no ref moved that must not, nobody who collects was away, and no stretch of two hours is without a line." }
            } @else {
                table.stack {
                    (head(&["When", "What", "Of", "More"]))
                    tbody {
                        @for file in report.jailed.named.iter().take(MOST) {
                            (incident(file.time, &file.action, &file.found, &file.path))
                        }
                        @for one in &moved {
                            (incident(one.time, "ref moved", &one.name, &format!("{}: {}", one.repo, window(one, report.span.until))))
                        }
                        @for loss in report.losses.named.iter().take(MOST) {
                            (incident(loss.time, "lines lost", "", &loss.message))
                        }
                        @for (from, to) in report.pauses.iter().rev().take(MOST) {
                            (incident(*from, "gap", &long(to - from), &format!("no stream was read until {}: {NOBODY}", moment(*to))))
                        }
                        @for (from, to) in silences.iter().rev() {
                            (incident(*from, "gap", &long(to - from), &format!("nothing recorded until {}", moment(*to))))
                        }
                    }
                }
            }
        }
    }
}

fn incident(time: i64, what: &str, of: &str, more: &str) -> Markup {
    html! { tr { td { (moment(time)) } td.short { (escape(what)) } td { (escape(of)) } td.long { (escape(more)) } } }
}

/// How much each source said.
pub(super) fn sources(report: &Report) -> Markup {
    html! {
        section aria-labelledby="sources" {
            h2 id="sources" { "Who wrote" }
            @if report.activity.sources.is_empty() { p.none { "Nobody." } } @else {
                table {
                    (head(&["Source", "Lines", "Failures", "Unknown", "Last"]))
                    tbody { @for (name, source) in &report.activity.sources {
                        tr {
                            td { (escape(name)) } td { (source.lines) } td { (source.failed) } td { (source.unknown) }
                            td { (long(report.span.until - source.last)) " ago" }
                        }
                    } }
                }
            }
        }
    }
}

/// The timeline with its filter, which the script shows.
pub(super) fn timeline(entries: &[Entry], all: u64) -> Markup {
    let mut tools: Vec<&str> = entries.iter().map(|entry| entry.tool.as_str()).collect();
    tools.sort_unstable();
    tools.dedup();
    let left = all.saturating_sub(entries.len() as u64);
    html! {
        section id="timeline" aria-labelledby="what" tabindex="-1" {
            h2 id="what" { "Timeline" }
            @if entries.is_empty() { p.none { "Nothing of note." } } @else {
                form id="filter" hidden {
                    label { "Source" select name="tool" {
                        option value="" { "all" }
                        @for tool in tools { option value=(tool) { (escape(tool)) } }
                    } }
                    label { "At least" select name="severity" {
                        @for (value, name) in LEVELS { option value=(value) { (name) } }
                    } }
                    label { "With these words" input name="words" type="search" autocomplete="off"; }
                }
                p.none id="shown" role="status" { (entries.len()) " entries" }
                @if left > 0 { p.none { (left) " entries of lesser severity are left out: auditdb events has them." } }
                table.stack {
                    (head(&["When", "Source", "What", "Severity", "Said"]))
                    tbody { @for entry in entries { (entry_row(entry)) } }
                }
            }
        }
    }
}

fn entry_row(entry: &Entry) -> Markup {
    let verdict = entry.outcome.as_deref().filter(|outcome| *outcome != "success").map(Verdict::of);
    html! {
        tr data-tool=(entry.tool) data-severity=(entry.severity) {
            td { (moment(entry.last)) }
            td.short { (escape(&entry.tool)) }
            td.short {
                (escape(&entry.action))
                @if let Some(verdict) = verdict { " " strong class=(class(verdict)) { (verdict.word()) } }
            }
            td class=(severity(entry.severity)) { (severity(entry.severity)) }
            td.long {
                (escape(&entry.message))
                @if let Some(about) = &entry.about { small { " " (escape(about)) } }
                @if entry.times > 1 { small { " " (entry.times) "× since " (moment(entry.first)) } }
            }
        }
    }
}
