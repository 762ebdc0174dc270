//! What one image may cost, whatever it is made of: its files, the memory that their names take, and the secrets that
//! are told of it.

use std::io::{Error, Result};

use super::super::leak::Leak;
use super::{Searched, TOLD};

/// The most files of all layers together.
const FILES: usize = 1_000_000;
/// The most that their names may take together, in bytes.
const NAMES: usize = 256 << 20;

/// What is left of it.
#[derive(Debug)]
pub(super) struct Budget {
    files: usize,
    names: usize,
    told: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { files: FILES, names: NAMES, told: TOLD }
    }
}

impl Budget {
    /// Counts a file with names of so many bytes.
    ///
    /// # Errors
    /// If it is one too many.
    pub(super) fn count(&mut self, names: usize) -> Result<()> {
        match (self.files.checked_sub(1), self.names.checked_sub(names)) {
            (Some(files), Some(names)) => (self.files, self.names) = (files, names),
            _ => return Err(Error::other(format!("it has more than {FILES} files, or names beyond {NAMES} bytes"))),
        }
        Ok(())
    }

    /// Adds what the search found in a file, as far as the budget goes.
    pub(super) fn add(&mut self, found: std::result::Result<Vec<Leak>, String>, into: &mut Searched) {
        match found {
            Ok(mut leaks) => {
                let many = leaks.len().min(self.told);
                into.more += leaks.len() - many;
                leaks.truncate(many);
                self.told -= many;
                into.leaks.extend(leaks);
            }
            Err(why) if self.told > 0 => {
                self.told -= 1;
                into.untold.push(why);
            }
            // That one file was not read says enough of the layer.
            Err(why) if into.untold.is_empty() => into.untold.push(why),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_names_are_counted_over_all_layers() {
        let mut budget = Budget { files: 3, names: 10, told: 0 };
        assert!(budget.count(4).is_ok() && budget.count(4).is_ok() && budget.count(4).is_err());
        assert!(budget.count(2).is_ok() && budget.count(0).is_err(), "a fourth file");
    }

    #[test]
    fn a_file_that_was_not_read_is_told_even_where_nothing_else_is() {
        let (mut budget, mut into) = (Budget { files: 0, names: 0, told: 0 }, Searched::default());
        (0..3).for_each(|_| budget.add(Err("large".to_owned()), &mut into));
        assert_eq!(into.untold, ["large"]);
    }
}
