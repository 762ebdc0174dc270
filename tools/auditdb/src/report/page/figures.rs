//! The charts, each with a question that it answers, and with its numbers for whoever can't see it.

use anyhow::Result;
use maud::{Markup, PreEscaped, html};
use record::escape;

use super::chart::{self, Mark};
use super::latency::{Percentiles, SLOTS};
use super::parts::head;
use crate::report::Report;
use crate::report::layer::Layer;
use crate::report::span::moment;
use crate::report::text::window;

/// The most rows of a chart of rows.
const ROWS: usize = 10;

/// All charts that there is something for.
///
/// # Errors
/// If one cannot be drawn.
pub(super) fn figures(report: &Report, scans: Option<&Percentiles>) -> Result<Markup> {
    let all = [requests(report)?, findings(report)?, refused(report)?, windows(report)?, latency(report, scans)?];
    Ok(html! { div.charts { @for one in all.iter().flatten() { (one) } } })
}

/// A picture, what its colours mean, and the numbers.
fn figure(title: &str, keys: &[(Mark, &str)], svg: &str, numbers: &Markup) -> Markup {
    html! {
        figure {
            figcaption { h2 { (title) } @for (mark, name) in keys { small class=(mark.class()) { (name) } " " } }
            div role="img" aria-label={ (title) ". The numbers follow." } { (PreEscaped(svg)) }
            details { summary { "The numbers" } (numbers) }
        }
    }
}

fn requests(report: &Report) -> Result<Option<Markup>> {
    let allowed = report.activity.series(|slot| slot.requests, SLOTS * 2);
    let refused = report.activity.series(|slot| slot.refusals, SLOTS * 2);
    if allowed.iter().chain(&refused).all(|count| *count == 0) {
        return Ok(None);
    }
    let svg = chart::stacked(report.span, &[(Mark::Plain, allowed.clone()), (Mark::Bad, refused.clone())])?;
    let slots = allowed.len();
    let rows = allowed.iter().zip(&refused).enumerate().map(|(at, (allowed, refused))| {
        let (from, _) = report.span.slot(at, slots);
        html! { tr { td { (moment(from)) } td { (allowed) } td { (refused) } } }
    });
    let numbers = html! { table { (head(&["From", "Let through", "Refused"])) tbody { @for row in rows { (row) } } } };
    Ok(Some(figure(
        "Requests and refusals over time",
        &[(Mark::Plain, "let through"), (Mark::Bad, "refused")],
        &svg,
        &numbers,
    )))
}

fn findings(report: &Report) -> Result<Option<Markup>> {
    let rows: Vec<_> = report
        .layers
        .iter()
        .filter(|standings| standings.failed + standings.unknown > 0)
        .map(|standings| {
            let mark = if standings.failed > 0 { Mark::Bad } else { Mark::Dark };
            let told = format!("{} failed, {} unknown", standings.failed, standings.unknown);
            (standings.layer.name().to_owned(), mark, 0.0, size(standings.failed + standings.unknown), told)
        })
        .collect();
    named("Findings by layer", &[(Mark::Bad, "a check fails"), (Mark::Dark, "unknown only")], &rows)
}

fn refused(report: &Report) -> Result<Option<Markup>> {
    let rows: Vec<_> = report
        .refusals
        .top
        .iter()
        .take(ROWS)
        .map(|refusal| {
            let mark = if refusal.layer() == Layer::Moat { Mark::Bad } else { Mark::Dark };
            (
                refusal.target.clone(),
                mark,
                0.0,
                size(usize::try_from(refusal.times).unwrap_or(usize::MAX)),
                format!("{}× {}", refusal.times, escape(&refusal.who)),
            )
        })
        .collect();
    named("Refused most", &[(Mark::Bad, "by the moat"), (Mark::Dark, "by the gate")], &rows)
}

fn named(title: &str, keys: &[(Mark, &str)], rows: &[(String, Mark, f64, f64, String)]) -> Result<Option<Markup>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let most = rows.iter().map(|(.., to, _)| *to).fold(1.0, f64::max);
    let numbers = html! { table { tbody { @for (name, _, _, _, told) in rows { tr { th scope="row" { (escape(name)) } td { (told) } } } } } };
    Ok(Some(figure(title, keys, &chart::rows(rows, most)?, &numbers)))
}

fn windows(report: &Report) -> Result<Option<Markup>> {
    let span = report.span;
    let part = |time: i64| size(usize::try_from((time - span.since).max(0)).unwrap_or_default());
    let rows: Vec<_> = report
        .exposures()
        .take(ROWS)
        .map(|moved| {
            let mark = if moved.until.is_none() { Mark::Bad } else { Mark::Dark };
            let name = moved.name.trim_start_matches("refs/").to_owned();
            (name, mark, part(moved.time), part(moved.until.unwrap_or(span.until)), window(moved, span.until))
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let numbers = html! { table { tbody { @for (name, _, _, _, told) in &rows { tr { th scope="row" { (escape(name)) } td { (escape(told)) } } } } } };
    let svg = chart::rows(&rows, part(span.until))?;
    Ok(Some(figure(
        "How long refs pointed elsewhere",
        &[(Mark::Bad, "still do"), (Mark::Dark, "no longer")],
        &svg,
        &numbers,
    )))
}

fn latency(report: &Report, scans: Option<&Percentiles>) -> Result<Option<Markup>> {
    let Some([half, most, nearly_all]) = scans else { return Ok(None) };
    let svg = chart::lines(
        report.span,
        &[(Mark::Plain, half.clone()), (Mark::Dark, most.clone()), (Mark::Bad, nearly_all.clone())],
    )?;
    let shown = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), |number| format!("{number:.1}"));
    let rows = half.iter().zip(most).zip(nearly_all).enumerate().map(|(at, ((half, most), all))| {
        html! { tr { td { (moment(report.span.slot(at, SLOTS).0)) } td { (shown(*half)) } td { (shown(*most)) } td { (shown(*all)) } } }
    });
    let numbers = html! { table { (head(&["From", "p50, ms", "p95", "p99"])) tbody { @for row in rows { (row) } } } };
    Ok(Some(figure(
        "How long scans took",
        &[(Mark::Plain, "half"), (Mark::Dark, "95 of 100"), (Mark::Bad, "99 of 100")],
        &svg,
        &numbers,
    )))
}

#[expect(clippy::cast_precision_loss, reason = "a length in a picture")]
fn size(count: usize) -> f64 {
    count as f64
}
