//! Lines on their way into the table, in one transaction.

use anyhow::Result;
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::{Appender, Connection};
use record::Record;

use super::columns::Columns;
use super::repeats::Fresh;
use crate::line::{self, Accepted, Scanner};
use crate::source::Source;
use crate::spool::Batch;

/// After so many times that columns were handed over, DuckDB's appender passes them on to the table. By itself it collects far
/// more of them, in memory that is new each time: a third more page faults, and a tenth of a fold's time (measured).
const PASS_ON: u32 = 8;

/// What stands in one column of a row. Text is text already: DuckDB's crate would have it proved again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Text(&'a str),
    Long(i64),
    /// Microseconds since 1970 UTC.
    Time(i64),
    Truth(bool),
    Tiny(u8),
    Small(u16),
    Number(u32),
    Big(u64),
}

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

    /// The same, to be handed over or compared.
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

/// Rows that are being appended.
pub(super) struct Rows<'c> {
    connection: &'c Connection,
    /// With the number of columns that it was made for.
    appender: Option<(usize, Appender<'c>)>,
    columns: Columns,
    fresh: Fresh,
    first: i64,
    count: u64,
    bytes: u64,
    /// How often columns were handed over.
    handed: u32,
}

impl<'c> Rows<'c> {
    /// Begins a transaction; the first row gets this number.
    pub(super) fn begin(connection: &'c Connection, first: i64) -> Result<Self> {
        connection.execute_batch("BEGIN")?;
        Ok(Self::go_on(connection, first))
    }

    /// Goes on in the transaction that is open.
    pub(super) fn go_on(connection: &'c Connection, first: i64) -> Self {
        Self {
            connection,
            appender: None,
            columns: Columns::empty(),
            fresh: Fresh::default(),
            first,
            count: 0,
            bytes: 0,
            handed: 0,
        }
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
        if let Some(id) = line.columns.id.as_deref() {
            self.fresh.note(provider(line, batch), id);
        }
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
        let Some(rows) = self.columns.take()? else { return Ok(()) };
        self.handed += 1;
        let pass_on = self.handed.is_multiple_of(PASS_ON);
        let appender = self.appender_of(&rows)?;
        appender.append_record_batch(rows)?;
        if pass_on {
            appender.flush()?;
        }
        Ok(())
    }

    /// The appender of these columns. When a line fills one that none has filled yet, the next appender takes over.
    fn appender_of(&mut self, rows: &RecordBatch) -> Result<&mut Appender<'c>> {
        let width = rows.num_columns();
        let appender = match self.appender.take_if(|(columns, _)| *columns == width) {
            Some((_, appender)) => appender,
            None => {
                self.end()?;
                let schema = rows.schema();
                let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                self.connection.appender_with_columns("records", &names)?
            }
        };
        Ok(&mut self.appender.insert((width, appender)).1)
    }

    /// Hands all rows to the transaction: the number of the first, how many, and their ids.
    pub(super) fn flush(mut self) -> Result<(i64, u64, Fresh)> {
        self.hand_over()?;
        self.end()?;
        Ok((self.first, self.count, self.fresh))
    }

    fn end(&mut self) -> Result<()> {
        Ok(self.appender.take().map_or(Ok(()), |(_, mut appender)| appender.flush())?)
    }
}
