//! Files of address ranges, as blocklists on the web have them.
//!
//! One range or address a line, both families, `#` or `;` before a comment, blank lines allowed.
//! One bad line makes the whole file bad: half a blocklist that looks loaded is worse than none.

use std::fmt;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::Invalid;
use crate::regular_file::{self, Unreadable};
use crate::types::cidr;

/// The largest file taken, in bytes: a million lines of the longest IPv6 ranges.
pub const MOST_BYTES: u64 = 48 << 20;

/// Why a list was not taken.
#[derive(Debug)]
pub struct BlocklistError {
    /// The list's file.
    pub origin: PathBuf,
    /// The line, from 1; `None` if the file could not be read.
    pub line: Option<usize>,
    /// What is wrong and how to mend it.
    pub invalid: Invalid,
}

impl fmt::Display for BlocklistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.origin.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.invalid)
    }
}

impl std::error::Error for BlocklistError {}

/// Reads a list from a file.
///
/// # Errors
/// If it is no regular file, is over [`MOST_BYTES`], cannot be read or is no UTF-8, or as [`parse`].
pub fn load(path: &Path) -> Result<Vec<IpNet>, BlocklistError> {
    let text = regular_file::read(path, MOST_BYTES).map_err(|Unreadable(invalid)| BlocklistError {
        origin: path.to_owned(),
        line: None,
        invalid,
    })?;
    parse(&text, path)
}

/// Reads a list from its text; `origin` is what errors call it. The ranges come sorted and merged: none
/// within another, none that could be one with its neighbour.
///
/// # Errors
/// The first line that is no range: one with host bits set, a prefix too long, an address with leading
/// zeros, or no address at all.
pub fn parse(text: &str, origin: &Path) -> Result<Vec<IpNet>, BlocklistError> {
    let mut ranges = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.split(['#', ';']).next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let range = cidr::parse(content).map_err(|invalid| BlocklistError {
            origin: origin.to_owned(),
            line: Some(index + 1),
            invalid,
        })?;
        ranges.push(range);
    }
    Ok(IpNet::aggregate(&ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<String>, String> {
        let ranges = parse(text, Path::new("list.txt")).map_err(|error| error.to_string())?;
        Ok(ranges.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn comments_blank_lines_and_both_families_are_read() {
        let text = "# a list\n\n 192.0.2.0/24 ; why\r\n2001:db8::/32#x\n203.0.113.7\n\t2001:db9::1\n";
        let ranges = list(text).unwrap();
        assert_eq!(ranges, ["192.0.2.0/24", "203.0.113.7/32", "2001:db8::/32", "2001:db9::1/128"]);
    }

    #[test]
    fn ranges_that_overlap_or_touch_become_one() {
        assert_eq!(list("10.0.0.0/9\n10.128.0.0/9\n10.1.0.0/16\n10.0.0.1").unwrap(), ["10.0.0.0/8"]);
    }

    #[test]
    fn a_bad_line_is_named_by_file_and_line() {
        for bad in [
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0",
            "example.com",
            "2001:db8::/129",
            "010.0.0.0/8",
            "10.0.0.0 /8",
            "10.0.0.0/+8",
        ] {
            let error = list(&format!("# head\n10.0.0.0/8\n{bad}\n11.0.0.0/8\n")).unwrap_err();
            assert!(error.starts_with("list.txt:3: "), "{bad}: {error}");
        }
    }

    #[test]
    fn host_bits_are_refused_with_the_range_that_was_meant() {
        assert!(list("10.1.2.3/8").unwrap_err().contains("10.0.0.0/8"));
    }

    #[test]
    fn a_hundred_thousand_lines_are_all_read() {
        let text: String =
            (0..100_000u32).map(|n| format!("{}\n", std::net::Ipv4Addr::from(0x0100_0000 + 2 * n))).collect();
        assert_eq!(parse(&text, Path::new("long")).unwrap().len(), 100_000);
    }

    #[test]
    fn a_folder_a_missing_file_and_bytes_that_are_no_text_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("binary");
        std::fs::write(&binary, b"10.0.0.0/8\n\xff\n").unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none"), binary] {
            let error = load(&path).unwrap_err();
            assert!(error.line.is_none() && error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }
}
