//! One line: is it a record, and whose?
//!
//! What a line says of itself is a claim. Who it comes from is fixed by the stream it came in on (`--provider`); only
//! where nobody fixed it, the line's own `event.provider` stands, marked as a claim. Such a line must look like one of
//! our tools' in every field that counts.

mod columns;
mod names;
mod plain;
mod rejected;
mod scan;
mod unescape;

use std::borrow::Cow;

use jiff::Timestamp;

pub(crate) use columns::Columns;
pub(crate) use rejected::{Claim, rejected, rejected_as_too_long, too_long};
pub(crate) use scan::{Fault, Scanner};

use crate::source::Source;

/// A line that may stand in the record.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    /// When it happened, microseconds since 1970 UTC; `None` if the line does not say.
    pub(crate) time: Option<i64>,
    /// What the database has columns for.
    pub(crate) columns: Columns<'a>,
}

/// The text of a line. Bytes that are no UTF-8 become U+FFFD: no line is refused for a byte.
pub(crate) fn text(raw: &[u8]) -> Cow<'_, str> {
    // Most lines are UTF-8, and asking that first is faster than looking for what is not.
    std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed)
}

/// The lines of a batch, without their breaks.
pub(crate) fn split(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(line)
    })
}

/// Holds a line against what a record must be. `source` is who the stream is known to be from.
///
/// # Errors
/// Where the line is none, and why.
pub(crate) fn judge<'a>(
    scanner: &mut Scanner,
    text: &'a str,
    source: Option<&Source>,
) -> Result<Accepted<'a>, (Claim, Fault)> {
    let columns = scanner.scan(text).map_err(|fault| (Claim::Broken, fault))?;
    whose(&columns, source)?;
    let time = match columns.time.as_deref() {
        Some(time) => Some(parse(time)?),
        None if source.is_some() => None,
        None => return Err(missing("@timestamp")),
    };
    Ok(Accepted { time, columns })
}

fn whose(columns: &Columns<'_>, source: Option<&Source>) -> Result<(), (Claim, Fault)> {
    match (source, columns.provider.as_deref()) {
        (Some(source), Some(claimed)) if claimed != source.as_str() && Source::is_tool(claimed) => {
            Err((Claim::False, whole(format!("the line says it is {claimed}'s, but it came from {source}"))))
        }
        (Some(_), _) => Ok(()),
        (None, Some(claimed)) if Source::is_tool(claimed) => {
            let has = [("event.id", &columns.id), ("event.action", &columns.action)];
            has.iter().find(|(_, field)| field.is_none()).map_or(Ok(()), |(name, _)| Err(missing(name)))
        }
        (None, Some(_)) => Err((
            Claim::Broken,
            whole("event.provider is none of the tools: say whose lines these are with --provider"),
        )),
        (None, None) => Err(missing("event.provider")),
    }
}

fn parse(time: &str) -> Result<i64, (Claim, Fault)> {
    let parsed: Result<Timestamp, _> = time.parse();
    parsed.map(Timestamp::as_microsecond).map_err(|_| (Claim::Broken, whole("@timestamp is no RFC 3339 time")))
}

fn missing(name: &str) -> (Claim, Fault) {
    (Claim::Broken, whole(format!("{name} is missing")))
}

fn whole(reason: impl Into<String>) -> Fault {
    Fault { column: 1, reason: reason.into() }
}

#[cfg(test)]
mod tests;
