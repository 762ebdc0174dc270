//! An audit as a screen of text: a table by container, then what is not as it should be. Each has its way out, and the
//! waiver that would accept it. Passes are counted. Pure: records in, text out.

mod list;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::civil::Date;
use record::Record;

use super::waivers;

/// What a page is made from.
pub(crate) struct Page<'a> {
    pub(crate) records: &'a [Record],
    /// Where a waiver would be written.
    pub(crate) policy: &'a Path,
    /// Today, UTC.
    pub(crate) today: Date,
    pub(crate) coloured: bool,
    /// List what passed too.
    pub(crate) all: bool,
    /// Findings that were known before, and are left out.
    pub(crate) known: usize,
}

/// More failures than this nobody accepts one by one.
const PASTED: usize = 20;

impl Page<'_> {
    /// All of it, with a line break at its end.
    pub(crate) fn text(&self) -> String {
        let mut text = table::by_target(self.records);
        text.push_str(&list::findings(self.records, self.coloured, self.all));
        text.push_str(&self.to_paste());
        if self.known > 0 {
            text.push_str(&format!("\n{} that the baseline has are left out.\n", self.known));
        }
        text
    }

    fn to_paste(&self) -> String {
        let failures: Vec<&Record> = self.records.iter().filter(|record| list::is_failure(record)).collect();
        let blocks: Vec<String> =
            failures.iter().take(PASTED).filter_map(|record| waivers::to_paste(record, self.today)).collect();
        if blocks.is_empty() {
            return String::new();
        }
        let more = failures.len().saturating_sub(PASTED);
        let more =
            if more > 0 { format!("\n({more} more: sandboxctl audit --only ID CONTAINER)\n") } else { String::new() };
        let policy = record::escape(&self.policy.display().to_string());
        format!("\nTo accept one until a day, paste it into {policy} and write why:\n\n{}{more}\n", blocks.join("\n"))
    }
}
