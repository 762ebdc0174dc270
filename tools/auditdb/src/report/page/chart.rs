//! Charts, drawn as SVG by plotters. Their colours are marks: the page's style gives each its colour in either theme.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::span::{Span, moment};

/// Small enough that its words are read on a phone, where it is drawn at three quarters of this.
const WIDE: u32 = 480;
const HIGH: u32 = 260;
const FONT: i32 = 18;
const INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// What a colour of the chart says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Bad,
    Dark,
}

impl Mark {
    fn colour(self) -> RGBColor {
        match self {
            Self::Plain => RGBColor(0x2f, 0x5f, 0x9e),
            Self::Bad => RGBColor(0xb3, 0x26, 0x1e),
            Self::Dark => RGBColor(0x8a, 0x5a, 0x00),
        }
    }

    /// Its class in the page's style.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Plain => "key plain",
            Self::Bad => "key bad",
            Self::Dark => "key dark",
        }
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(high: u32, paint: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDE, high)).into_drawing_area();
        paint(&area)?;
        area.present().map_err(|error| anyhow!("the chart cannot be drawn: {error}"))?;
    }
    Ok(svg)
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn wrong<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> anyhow::Error {
    anyhow!("the chart cannot be drawn: {error}")
}

/// Bars over time, one series on top of the other.
pub(super) fn stacked(span: Span, series: &[(Mark, Vec<u64>)]) -> Result<String> {
    let slots = series.first().map_or(0, |(_, numbers)| numbers.len());
    let total = |at: usize| series.iter().filter_map(|(_, numbers)| numbers.get(at)).sum::<u64>();
    let most = number((0..slots).map(total).max().unwrap_or_default().max(1));
    over_time(
        span,
        most,
        |at| format!("{at:.0}"),
        |from_time, plot| {
            for at in 0..slots {
                let mut base = 0.0;
                for (mark, numbers) in series {
                    let top = base + number(numbers.get(at).copied().unwrap_or_default());
                    let (left, right) = (from_time(at, slots), from_time(at + 1, slots));
                    if top > base {
                        plot(vec![(left, base), (right, top)], *mark, true)?;
                    }
                    base = top;
                }
            }
            Ok(())
        },
    )
}

/// Lines over time; a slot without a number interrupts none.
pub(super) fn lines(span: Span, series: &[(Mark, Vec<Option<f64>>)]) -> Result<String> {
    let all = series.iter().flat_map(|(_, numbers)| numbers).flatten();
    let most = all.copied().fold(1e-9, f64::max);
    over_time(
        span,
        most,
        |at| format!("{at:.0} ms"),
        |from_time, plot| {
            for (mark, numbers) in series {
                let points = numbers
                    .iter()
                    .enumerate()
                    .filter_map(|(at, height)| Some((from_time(at, numbers.len()), (*height)?)));
                plot(points.collect(), *mark, false)?;
            }
            Ok(())
        },
    )
}

type Plot<'a> = dyn FnMut(Vec<(f64, f64)>, Mark, bool) -> Result<()> + 'a;

fn over_time(
    span: Span,
    most: f64,
    height: impl Fn(&f64) -> String,
    paint: impl FnOnce(&dyn Fn(usize, usize) -> f64, &mut Plot<'_>) -> Result<()>,
) -> Result<String> {
    draw(HIGH, |area| {
        let (from, to) = (micros(span.since), micros(span.until));
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(16)
            .x_label_area_size(34)
            .y_label_area_size(64)
            .build_cartesian_2d(from..to, 0.0..most * 1.05)
            .map_err(wrong)?;
        let font = ("sans-serif", FONT).into_font().color(&INK);
        #[expect(clippy::cast_possible_truncation, reason = "a time within the span, which is an i64")]
        let moment = |at: &f64| moment(*at as i64).chars().take(6).collect::<String>();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .x_labels(4)
            .y_labels(5)
            .label_style(font)
            .x_label_formatter(&moment)
            .y_label_formatter(&height)
            .draw()
            .map_err(wrong)?;
        let from_time = |at: usize, slots: usize| from + (to - from) * number(at as u64) / number(slots.max(1) as u64);
        paint(&from_time, &mut |points, mark, is_bar| {
            let colour = mark.colour();
            if let (true, [low, high]) = (is_bar, points.as_slice()) {
                chart.draw_series([Rectangle::new([*low, *high], colour.filled())]).map_err(wrong)?;
            } else {
                chart.draw_series([PathElement::new(points, colour.stroke_width(2))]).map_err(wrong)?;
            }
            Ok(())
        })
    })
}

/// One bar a row, with what it is in front and how much behind.
pub(super) fn rows(rows: &[(String, Mark, f64, f64, String)], most: f64) -> Result<String> {
    const ROW: i32 = 44;
    let high = u32::try_from(rows.len()).unwrap_or(1) * ROW.unsigned_abs() + 6;
    draw(high, |area| {
        let font = ("sans-serif", FONT).into_font().color(&INK);
        for (at, (name, mark, from, to, behind)) in rows.iter().enumerate() {
            let top = i32::try_from(at).unwrap_or_default() * ROW + 2;
            let across = |value: f64| column(value / most.max(1e-9));
            let (left, right) = (across(*from), across(*to).max(across(*from) + 2));
            area.draw(&Text::new(format!("{} · {behind}", short(name)), (2, top), font.clone())).map_err(wrong)?;
            area.draw(&Rectangle::new([(left, top + 22), (right, top + 34)], mark.colour().filled())).map_err(wrong)?;
        }
        Ok(())
    })
}

/// A place between the margins, for a part of the whole.
#[expect(clippy::cast_possible_truncation, reason = "a part of the whole, within the width of a chart")]
fn column(part: f64) -> i32 {
    2 + (part.clamp(0.0, 1.0) * f64::from(WIDE - 4)) as i32
}

/// Cuts a name to what fits.
fn short(name: &str) -> String {
    const MOST: usize = 34;
    let escaped = record::escape(name);
    if escaped.chars().count() <= MOST { escaped } else { escaped.chars().take(MOST - 1).chain(['…']).collect() }
}

#[expect(clippy::cast_precision_loss, reason = "a height in a picture")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn micros(time: i64) -> f64 {
    time as f64
}
