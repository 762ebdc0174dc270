//! Counts in sentences: one line, two lines.

/// The count with the word that fits it.
pub(crate) fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
