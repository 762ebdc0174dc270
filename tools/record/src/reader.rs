//! Reads records from lines, bounded in length, with errors that name the line.

use std::fmt;
use std::io::{BufRead, Read};

use crate::escape::escape;
use crate::record::Record;

/// The longest line that is read, in bytes. A longer one is an error, and is skipped to its end
/// without being held in memory.
pub const MAX_LINE: usize = 1 << 20;

/// A line that was read: its number (from 1) and the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The line's number in the input, counted from 1.
    pub number: u64,
    /// The record that the line holds.
    pub record: Record,
}

/// A line that could not be read: which, where in it, and why.
#[derive(Debug)]
pub struct LineError {
    /// The line's number in the input, counted from 1.
    pub number: u64,
    /// The byte at fault, counted from 1, where the parser tells it.
    pub column: Option<usize>,
    /// What was wrong with it.
    pub reason: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.number)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", escape(&self.reason))
    }
}

impl std::error::Error for LineError {}

/// An iterator over the records of a stream. Blank lines are passed over.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    number: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads from any buffered input.
    pub fn new(input: R) -> Self {
        Self { input, number: 0, buffer: Vec::new(), ended: false }
    }

    /// One raw line of at most [`MAX_LINE`] bytes, without its break. `None` at the end.
    fn raw(&mut self) -> Option<Result<(), LineError>> {
        self.buffer.clear();
        let limit = MAX_LINE as u64 + 1;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer);
        self.number += 1;
        match read {
            Err(error) => {
                self.ended = true;
                Some(Err(self.error(None, format!("could not be read: {error}"))))
            }
            Ok(0) => None,
            Ok(_) if self.buffer.len() > MAX_LINE && self.buffer.last() != Some(&b'\n') => {
                if let Err(error) = self.input.skip_until(b'\n') {
                    self.ended = true;
                    return Some(Err(self.error(None, format!("could not be read: {error}"))));
                }
                Some(Err(self.error(None, format!("longer than {MAX_LINE} bytes"))))
            }
            Ok(_) => Some(Ok(())),
        }
    }

    fn error(&self, column: Option<usize>, reason: String) -> LineError {
        LineError { number: self.number, column, reason }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Line, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            if let Err(error) = self.raw()? {
                return Some(Err(error));
            }
            if self.buffer.trim_ascii().is_empty() {
                continue;
            }
            return Some(match Record::from_json(&self.buffer) {
                Ok(record) => Ok(Line { number: self.number, record }),
                Err(error) => Err(self.error(Some(error.column()), error.to_string())),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Provider};
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Vec<Result<Line, LineError>> {
        Lines::new(text).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let record = Record::new(Provider::Netguard, Action::RulePlanned, "a rule");
        let text = format!("\n{}\n\n", serde_json::to_string(&record).unwrap());
        let lines = read(text.as_bytes());
        let back = lines.into_iter().next().unwrap().unwrap();
        assert_eq!(back.number, 2);
        assert_eq!(back.record.event, record.event);
    }

    #[test]
    fn an_unknown_or_repeated_name_is_refused_and_the_next_line_still_read() {
        let good = serde_json::to_string(&Record::new(Provider::Netguard, Action::RulePlanned, "m")).unwrap();
        let unknown = good.replacen("\"message\"", "\"mesage\"", 1);
        let twice = good.replacen('{', "{\"message\":\"x\",", 1);
        let lines = read(format!("{unknown}\n{twice}\n{good}\n").as_bytes());
        assert!(lines[0].as_ref().unwrap_err().to_string().contains("mesage"));
        assert!(lines[1].as_ref().unwrap_err().to_string().contains("duplicate"));
        assert_eq!(lines[2].as_ref().unwrap().number, 3);
    }

    #[test]
    fn a_line_without_end_is_not_held_in_memory() {
        let mut text = vec![b'x'; 3 * MAX_LINE];
        text.push(b'\n');
        text.extend_from_slice(b"{}\n");
        let lines = read(&text);
        assert!(lines[0].as_ref().unwrap_err().reason.contains("longer than"));
        assert_eq!(lines[1].as_ref().unwrap_err().number, 2);
        assert_eq!(lines.len(), 2);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }
    }
}
