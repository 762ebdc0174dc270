//! Lines on their way into the table, in one transaction.

use anyhow::Result;
use duckdb::Connection;
use record::Record;
pub(crate) use vectors::Value;
use vectors::{Kind, Table};

use super::repeats::Fresh;
use crate::line::{self, Accepted, Scanner};
use crate::source::Source;
use crate::spool::Batch;

/// One row, in the order of the table's columns.
pub(crate) struct Values<'a>([Value<'a>; 29]);

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
        let (segment, position) = place.unzip();
        Self([
            Value::Long(number),
            Value::Time(line.time.unwrap_or(received)),
            Value::Time(received),
            text(provider(line, batch)),
            Value::Truth(batch.source.is_some()),
            text(columns.id.as_deref()),
            text(columns.action.as_deref()),
            text(columns.kind.as_deref()),
            text(columns.category.as_deref()),
            text(columns.outcome.as_deref()),
            columns.severity.map_or(Value::Null, Value::Tiny),
            text(columns.reason.as_deref()),
            text(columns.message.as_deref()),
            text(columns.container.as_deref()),
            text(columns.rule_id.as_deref()),
            text(columns.rule_name.as_deref()),
            text(columns.file_path.as_deref()),
            text(columns.source_ip.as_deref()),
            text(columns.destination_ip.as_deref()),
            columns.destination_port.map_or(Value::Null, Value::Small),
            text(columns.destination_domain.as_deref()),
            text(columns.network.as_deref()),
            text(columns.transport.as_deref()),
            text(columns.url.as_deref()),
            text(columns.method.as_deref()),
            columns.status.map_or(Value::Null, Value::Small),
            segment.map_or(Value::Null, Value::Number),
            position.map_or(Value::Null, Value::Big),
            text(Some(raw)),
        ])
    }

    /// Borrows the values, to hand them over or to compare them.
    pub(crate) fn refs(&self) -> impl Iterator<Item = Value<'_>> {
        self.0.iter().copied()
    }
}

/// Whose line it is: by the stream it came in on, else by its own word.
fn provider<'a>(line: &'a Accepted<'_>, batch: &'a Batch) -> Option<&'a str> {
    batch.source.as_ref().map(Source::as_str).or(line.columns.provider.as_deref())
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Null, Value::Text)
}

/// The columns that a row fills, in their order, with the kind of each.
const COLUMNS: [(&str, Kind); 29] = [
    ("seq", Kind::Long),
    ("time", Kind::Time),
    ("received", Kind::Time),
    ("provider", Kind::Text),
    ("vouched", Kind::Truth),
    ("id", Kind::Text),
    ("action", Kind::Text),
    ("kind", Kind::Text),
    ("category", Kind::Text),
    ("outcome", Kind::Text),
    ("severity", Kind::Tiny),
    ("reason", Kind::Text),
    ("message", Kind::Text),
    ("container", Kind::Text),
    ("rule_id", Kind::Text),
    ("rule_name", Kind::Text),
    ("file_path", Kind::Text),
    ("source_ip", Kind::Text),
    ("destination_ip", Kind::Text),
    ("destination_port", Kind::Small),
    ("destination_domain", Kind::Text),
    ("network", Kind::Text),
    ("transport", Kind::Text),
    ("url", Kind::Text),
    ("method", Kind::Text),
    ("status", Kind::Small),
    ("segment", Kind::Number),
    ("position", Kind::Big),
    ("raw", Kind::Text),
];

/// Rows that are being appended, a transaction of them after the other.
pub(super) struct Rows<'c> {
    connection: &'c Connection,
    table: Table<'c>,
    fresh: Fresh,
    first: i64,
    count: u64,
    bytes: u64,
    open: bool,
}

impl<'c> Rows<'c> {
    /// None yet; the first row gets this number.
    pub(super) fn from(connection: &'c Connection, first: i64) -> Result<Self> {
        let table = Table::of(connection, "records", &COLUMNS)?;
        Ok(Self { connection, table, fresh: Fresh::default(), first, count: 0, bytes: 0, open: false })
    }

    /// Begins a transaction, unless one is open.
    pub(super) fn begin(&mut self) -> Result<()> {
        if !self.open {
            self.connection.execute_batch("BEGIN")?;
            self.open = true;
        }
        Ok(())
    }

    /// Ends the transaction that is open.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.connection.execute_batch("COMMIT")?;
        self.open = false;
        Ok(())
    }

    /// Is a transaction open?
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// How many rows since the last [`Rows::flush`].
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
        self.table.push(Values::of(number, line, raw, batch, place).refs())?;
        if let Some(id) = line.columns.id.as_deref() {
            self.fresh.note(provider(line, batch), id);
        }
        self.count += 1;
        self.bytes += raw.len() as u64;
        Ok(())
    }

    /// Appends a record of our own.
    pub(super) fn add(&mut self, record: &Record, place: Option<(u32, u64)>) -> Result<()> {
        let raw = record.to_json()?;
        let own = Source::own();
        let accepted = line::judge(&mut Scanner::default(), &raw, Some(&own))
            .map_err(|(_, fault)| anyhow::anyhow!("a record of our own is none: {}", fault.reason))?;
        self.append(&accepted, &raw, &Batch::new(Some(own)), place)
    }

    /// Hands all rows to the transaction: the number of the first, how many, and their ids.
    pub(super) fn flush(&mut self) -> Result<(i64, u64, Fresh)> {
        self.table.flush()?;
        let (first, count) = (self.first, std::mem::take(&mut self.count));
        self.first += i64::try_from(count)?;
        self.bytes = 0;
        Ok((first, count, std::mem::take(&mut self.fresh)))
    }
}
