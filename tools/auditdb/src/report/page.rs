//! A report as one page for a browser. It holds all it needs, and its policy lets the browser load nothing else.

mod chart;
mod figures;
mod latency;
mod parts;
mod timeline;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duckdb::Connection;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Report;
use super::span::{long, moment};
use crate::plural::many;

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/filter.js");

/// The page. The timeline is asked for here, for nothing else shows it.
///
/// # Errors
/// What the database says.
pub(crate) fn page(connection: &Connection, report: &Report) -> Result<String> {
    let (entries, all) = timeline::timeline(connection, report.span)?;
    let scans = latency::percentiles(connection, report.span, report.activity.lines())?;
    let figures = figures::figures(report, scans.as_ref())?;
    Ok(whole(report, &figures, &parts::timeline(&entries, all)).into_string())
}

/// No script and no style but these two, known by their hashes; nothing from anywhere.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )
}

fn whole(report: &Report, figures: &Markup, timeline: &Markup) -> Markup {
    let (since, until) = (moment(report.span.since), moment(report.span.until));
    let lines = report.activity.lines();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "Cellblock, " (since) " – " (until) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#timeline" { "To the timeline" }
                header {
                    h1 { "Cellblock" }
                    p { (since) " – " (until) " UTC · " (many(lines, "line", "lines"))
                        @if let Some(last) = report.activity.last() { ", the last " (long(report.span.until - last)) " before" } }
                    @if lines == 0 { p { strong.unknown { "Nothing is recorded: that is no pass." } } }
                }
                main {
                    (parts::layers(report))
                    (parts::findings(report))
                    (parts::unknown(report))
                    (figures)
                    (parts::incidents(report))
                    (parts::sources(report))
                    (timeline)
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}
