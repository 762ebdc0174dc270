//! One object a line.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use tool::unprinted;

use super::Sheet;

/// Rows as JSON objects.
pub(crate) struct JsonLines<W> {
    out: W,
    names: Vec<String>,
}

impl<W: Write> JsonLines<W> {
    /// A sheet with no row yet, which prints each row as it comes.
    pub(crate) fn new(out: W) -> Self {
        Self { out, names: Vec::new() }
    }
}

impl<W: Write> Sheet for JsonLines<W> {
    fn head(&mut self, names: &[String]) -> Result<()> {
        self.names = names.to_vec();
        Ok(())
    }

    fn row(&mut self, values: &[Value]) -> Result<()> {
        // By hand: a map of serde_json's would put the columns in the order of the alphabet.
        for (at, (name, value)) in self.names.iter().zip(values).enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let shown = format!("{before}{}:{value}", Value::from(name.as_str()));
            self.out.write_all(record::harmless(&shown).as_bytes()).map_err(unprinted)?;
        }
        self.out.write_all(b"}\n").map_err(unprinted)
    }

    fn end(&mut self) -> Result<()> {
        self.out.flush().map_err(unprinted)
    }
}
