//! Which records: the flags of `events` as a condition with parameters, never as text in the SQL.

use duckdb::ToSql;
use duckdb::types::{TimeUnit, Value};

use crate::cli::Events;

/// A condition and what stands for its question marks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    condition: String,
    values: Vec<Value>,
}

impl Filter {
    /// From the flags. Several values of one flag are alternatives, several flags must all hold.
    pub(super) fn of(args: &Events) -> Self {
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
        filter
    }

    /// The same, for rows behind this one.
    pub(super) fn behind(&self, seq: i64) -> Self {
        let mut filter = self.clone();
        filter.and("seq > ?", Value::BigInt(seq));
        filter
    }

    /// The statement that gives the lines in the order of their time: all of them, or the newest so many.
    pub(super) fn select(&self, limit: Option<u32>) -> String {
        let condition = &self.condition;
        match limit {
            None => format!("SELECT raw, provider FROM records WHERE {condition} ORDER BY time, seq"),
            Some(limit) => format!(
                "SELECT raw, provider FROM (SELECT raw, provider, time, seq FROM records WHERE {condition} \
                 ORDER BY time DESC, seq DESC LIMIT {limit}) ORDER BY time, seq"
            ),
        }
    }

    /// What stands for the question marks.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &dyn ToSql> {
        self.values.iter().map(|value| value as &dyn ToSql)
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
