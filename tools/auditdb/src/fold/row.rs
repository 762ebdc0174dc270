//! Lines on their way into the table, in one transaction.

use anyhow::Result;
use duckdb::types::ToSqlOutput::{self, Borrowed, Owned};
use duckdb::types::{TimeUnit, Value, ValueRef};
use duckdb::{Appender, Connection};
use record::Record;

use super::columns::Columns;
use crate::line::{self, Accepted, Scanner};
use crate::source::Source;
use crate::spool::Batch;

/// One row, in the order of the table's columns.
pub(crate) struct Values<'a>([ToSqlOutput<'a>; 29]);

impl<'a> Values<'a> {
    /// The row of a line: its number, and its place in the spool.
    pub(crate) fn of(
        number: i64,
        line: &'a Accepted<'_>,
        raw: &'a str,
        batch: &'a Batch,
        place: Option<(u32, u64)>,
    ) -> Self {
        let received = batch.received.as_microsecond();
        let columns = &line.columns;
        let provider = batch.source.as_ref().map(Source::as_str).or(columns.provider.as_deref());
        let (segment, position) = place.unzip();
        Self([
            Owned(Value::BigInt(number)),
            Owned(time(line.time.unwrap_or(received))),
            Owned(time(received)),
            text(provider),
            Owned(Value::Boolean(batch.source.is_some())),
            text(columns.id.as_deref()),
            text(columns.action.as_deref()),
            text(columns.kind.as_deref()),
            text(columns.category.as_deref()),
            text(columns.outcome.as_deref()),
            Owned(columns.severity.map_or(Value::Null, Value::UTinyInt)),
            text(columns.reason.as_deref()),
            text(columns.message.as_deref()),
            text(columns.container.as_deref()),
            text(columns.rule_id.as_deref()),
            text(columns.rule_name.as_deref()),
            text(columns.file_path.as_deref()),
            text(columns.source_ip.as_deref()),
            text(columns.destination_ip.as_deref()),
            Owned(columns.destination_port.map_or(Value::Null, Value::USmallInt)),
            text(columns.destination_domain.as_deref()),
            text(columns.network.as_deref()),
            text(columns.transport.as_deref()),
            text(columns.url.as_deref()),
            text(columns.method.as_deref()),
            Owned(columns.status.map_or(Value::Null, Value::USmallInt)),
            Owned(segment.map_or(Value::Null, Value::UInt)),
            Owned(position.map_or(Value::Null, Value::UBigInt)),
            text(Some(raw)),
        ])
    }

    /// The same, to be compared.
    pub(crate) fn refs(&self) -> impl Iterator<Item = ValueRef<'_>> {
        self.0.iter().map(|value| match value {
            Borrowed(value) => *value,
            Owned(value) => ValueRef::from(value),
            _ => ValueRef::Null,
        })
    }
}

fn text(value: Option<&str>) -> ToSqlOutput<'_> {
    value.map_or(Owned(Value::Null), |text| Borrowed(ValueRef::Text(text.as_bytes())))
}

/// Rows that are being appended.
pub(super) struct Rows<'c> {
    appender: Appender<'c>,
    columns: Columns,
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
        Ok(Self { appender: connection.appender("records")?, columns: Columns::empty(), first, count: 0, bytes: 0 })
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
        let number = self.first + i64::try_from(self.count)?;
        self.columns.push(&Values::of(number, line, raw, batch, place), raw.len())?;
        if self.columns.is_full() {
            self.hand_over()?;
        }
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

    fn hand_over(&mut self) -> Result<()> {
        match self.columns.take()? {
            Some(rows) => Ok(self.appender.append_record_batch(rows)?),
            None => Ok(()),
        }
    }

    /// Hands all rows to the transaction: the number of the first, and how many.
    pub(super) fn flush(mut self) -> Result<(i64, u64)> {
        self.hand_over()?;
        self.appender.flush()?;
        Ok((self.first, self.count))
    }
}

fn time(microseconds: i64) -> Value {
    Value::Timestamp(TimeUnit::Microsecond, microseconds)
}
