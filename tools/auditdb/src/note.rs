//! What is done to the record stands in the record.

use anyhow::{Context, Result, bail};
use record::Record;

use crate::source::Source;
use crate::spool::{Batch, Room, Writer};
use crate::store::Store;

/// Appends a record of our own to the spool.
///
/// # Errors
/// If the spool takes nothing more: what was done is then told on standard output alone.
pub(crate) fn note(store: &Store, record: &Record) -> Result<()> {
    let told = "it was done, and the record itself does not say so";
    let mut batch = Batch::new(Some(Source::own()));
    batch.push(record.to_json()?.as_bytes());
    let mut spool = Writer::begin(store.spool(), store.bound).context(told)?.signed(store.notary());
    match spool.append(&batch).context(told)? {
        Room::Written => spool.sync().context(told),
        Room::Full(..) | Room::NoSpace => bail!("the spool is full: {told}"),
    }
}
