//! Lines on their way into the table, in one transaction.

use anyhow::Result;
use duckdb::types::{TimeUnit, Value};
use duckdb::{Appender, Connection, params};
use record::Record;

use crate::line::{self, Accepted, Scanner};
use crate::source::Source;
use crate::spool::Batch;

/// Rows that are being appended.
pub(super) struct Rows<'c> {
    appender: Appender<'c>,
    first: i64,
    count: u64,
    bytes: u64,
}

impl<'c> Rows<'c> {
    /// Begins a transaction; the first row gets this number.
    pub(super) fn begin(connection: &'c Connection, first: i64) -> Result<Self> {
        connection.execute_batch("BEGIN")?;
        Self::go_on(connection, first)
    }

    /// Goes on in the transaction that is open.
    pub(super) fn go_on(connection: &'c Connection, first: i64) -> Result<Self> {
        Ok(Self { appender: connection.appender("records")?, first, count: 0, bytes: 0 })
    }

    /// How many rows.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many bytes of lines.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a line with its place in the spool: the segment's number, and the byte it begins at.
    pub(super) fn append(
        &mut self,
        line: &Accepted<'_>,
        raw: &str,
        batch: &Batch,
        place: Option<(u32, u64)>,
    ) -> Result<()> {
        let received = batch.received.as_microsecond();
        let columns = &line.columns;
        let provider = batch.source.as_ref().map(Source::as_str).or(columns.provider.as_deref());
        let (segment, position) = place.unzip();
        self.appender.append_row(params![
            self.first + i64::try_from(self.count)?,
            time(line.time.unwrap_or(received)),
            time(received),
            provider,
            batch.source.is_some(),
            columns.id.as_deref(),
            columns.action.as_deref(),
            columns.kind.as_deref(),
            columns.category.as_deref(),
            columns.outcome.as_deref(),
            columns.severity,
            columns.reason.as_deref(),
            columns.message.as_deref(),
            columns.container.as_deref(),
            columns.rule_id.as_deref(),
            columns.rule_name.as_deref(),
            columns.file_path.as_deref(),
            columns.source_ip.as_deref(),
            columns.destination_ip.as_deref(),
            columns.destination_port,
            columns.destination_domain.as_deref(),
            columns.network.as_deref(),
            columns.transport.as_deref(),
            columns.url.as_deref(),
            columns.method.as_deref(),
            columns.status,
            segment,
            position,
            raw,
        ])?;
        self.count += 1;
        self.bytes += raw.len() as u64;
        Ok(())
    }

    /// Appends a record of our own.
    pub(super) fn tell(&mut self, record: &Record, place: Option<(u32, u64)>) -> Result<()> {
        let raw = record.to_json()?;
        let own = Source::own();
        let accepted = line::judge(&mut Scanner::default(), &raw, Some(&own))
            .map_err(|(_, fault)| anyhow::anyhow!("a record of our own is none: {}", fault.reason))?;
        self.append(&accepted, &raw, &Batch::new(Some(own)), place)
    }

    /// Hands all rows to the transaction: the number of the first, and how many.
    pub(super) fn flush(mut self) -> Result<(i64, u64)> {
        self.appender.flush()?;
        Ok((self.first, self.count))
    }
}

fn time(microseconds: i64) -> Value {
    Value::Timestamp(TimeUnit::Microsecond, microseconds)
}
