//! Which records: the flags of `events` as a condition with parameters, never as text in the SQL.

use anyhow::{Result, anyhow};
use clap::Args;
use duckdb::types::{TimeUnit, Value};
use duckdb::{Connection, ToSql};

use crate::database::brief;
use crate::when::When;

/// What `--grep` looks through: what a person sees of a record, or the line itself where it has no message.
const TEXT: &str = "concat_ws(' ', provider, action, coalesce(message, raw), reason)";

/// When a line came in: a line that bears no time is shown under that.
const RECEIVED: &str = "epoch_us(received)";

/// Which records are meant: all, but for what these leave out.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// From this time on: 90s, 2d, "2 days ago", today, yesterday, "last week", 2026-11-28, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Up to this time, and not including it
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<When>,
    /// Of this tool or source
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// With this action, such as ref-moved
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Vec<String>,
    /// With this verdict
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "failure", "unknown"])]
    pub(crate) outcome: Vec<String>,
    /// At least this bad: 21 low, 47 medium, 73 high, 99 critical
    #[arg(long, value_name = "0..99", value_parser = clap::value_parser!(u8).range(0..=99))]
    pub(crate) severity: Option<u8>,
    /// About this container
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Vec<String>,
    /// Whose source is known by the stream that it came in on, and not by its own word
    #[arg(long)]
    pub(crate) vouched: bool,
    /// Whose text this regular expression fits; without a capital in it, capitals make no difference
    #[arg(long, short, value_name = "REGEX")]
    pub(crate) grep: Option<String>,
}

/// A condition and what stands for its question marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    condition: String,
    values: Vec<Value>,
}

impl Filter {
    /// From the flags. Several values of one flag are alternatives, several flags must all hold.
    pub(crate) fn of(args: &Filters) -> Self {
        let mut filter = Self { condition: "true".to_owned(), values: Vec::new() };
        if let Some(since) = args.since {
            filter.and("time >= ?", Value::Timestamp(TimeUnit::Microsecond, since.microseconds()));
        }
        if let Some(until) = args.until {
            filter.and("time < ?", Value::Timestamp(TimeUnit::Microsecond, until.microseconds()));
        }
        if let Some(severity) = args.severity {
            filter.and("severity >= ?", Value::UTinyInt(severity));
        }
        filter.one_of("provider", &args.tool);
        filter.one_of("action", &args.action);
        filter.one_of("outcome", &args.outcome);
        filter.one_of("container", &args.container);
        if args.vouched {
            filter.condition.push_str(" AND vouched");
        }
        if let Some(pattern) = &args.grep {
            filter.and(&format!("regexp_matches({TEXT}, ?)"), Value::Text(smart(pattern)));
        }
        filter
    }

    /// The same, for what is in this place too.
    pub(crate) fn within(&self, place: Self) -> Self {
        let Self { condition, mut values } = self.clone();
        values.extend(place.values);
        Self { condition: format!("{condition} AND ({})", place.condition), values }
    }

    /// A condition as it stands.
    pub(crate) fn new(condition: String, values: Vec<Value>) -> Self {
        Self { condition, values }
    }

    /// The statement that gives the lines in the order of their time: all of them, or the newest so many.
    pub(crate) fn select(&self, limit: Option<u32>, newest_first: bool) -> String {
        let condition = &self.condition;
        let order = if newest_first { "time DESC, seq DESC" } else { "time, seq" };
        match limit {
            None => format!("SELECT raw, provider, {RECEIVED} FROM records WHERE {condition} ORDER BY {order}"),
            Some(limit) => format!(
                "SELECT raw, provider, {RECEIVED} FROM (SELECT raw, provider, received, time, seq FROM records WHERE {condition} \
                 ORDER BY time DESC, seq DESC LIMIT {limit}) ORDER BY {order}"
            ),
        }
    }

    /// What stands for the question marks.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &dyn ToSql> {
        self.values.iter().map(|value| value as &dyn ToSql)
    }

    /// In words that are the same for the same flags; `None` where it lets all through.
    pub(crate) fn words(&self) -> Option<String> {
        (self.condition != "true").then(|| format!("{} {:?}", self.condition, self.values))
    }

    /// The condition, to be put behind WHERE.
    pub(crate) fn condition(&self) -> &str {
        &self.condition
    }

    fn and(&mut self, condition: &str, value: Value) {
        self.condition.push_str(" AND ");
        self.condition.push_str(condition);
        self.values.push(value);
    }

    fn one_of(&mut self, column: &str, words: &[String]) {
        if words.is_empty() {
            return;
        }
        let marks = vec!["?"; words.len()].join(", ");
        self.condition.push_str(&format!(" AND {column} IN ({marks})"));
        self.values.extend(words.iter().cloned().map(Value::Text));
    }
}

/// As with journalctl(1): without a capital in the pattern, capitals make no difference.
fn smart(pattern: &str) -> String {
    if pattern.chars().any(char::is_uppercase) { pattern.to_owned() } else { format!("(?i){pattern}") }
}

/// Is it a regular expression of the database's (RE2)?
///
/// # Errors
/// With what is wrong in it.
pub(crate) fn check_pattern(connection: &Connection, pattern: &str) -> Result<()> {
    let tried = connection.query_row("SELECT regexp_matches('', ?)", [smart(pattern)], |row| row.get::<_, bool>(0));
    tried
        .map(drop)
        .map_err(|error| anyhow!("--grep {}: is no regular expression: {}", record::escape(pattern), brief(&error)))
}
