//! `.schema`: what there is to ask, as a statement like any other.

use anyhow::{Result, bail};

/// The names that people ask by, in the order of the manual.
pub(crate) const NAMES: [&str; 10] =
    ["records", "events", "alerts", "requests", "denied_flows", "files", "findings", "refs", "timeline", "gaps"];

/// The statement that a word of ours with a dot stands for; SQL stays as it is.
///
/// # Errors
/// If there is no such word, or no such name behind it.
pub(super) fn statement(given: &str) -> Result<String> {
    let Some(word) = given.trim().strip_prefix('.') else { return Ok(given.to_owned()) };
    let wanted: Vec<&str> = match word.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["schema"] => NAMES.to_vec(),
        ["schema", name] if NAMES.contains(name) => vec![name],
        ["schema", ..] => bail!("{}: there is one of {}", record::escape(word), NAMES.join(", ")),
        _ => bail!(".{}: the one word with a dot is .schema, alone or with a name behind it", record::escape(word)),
    };
    // Only names of the list above get into the text.
    let rows: Vec<String> = wanted.iter().map(|name| format!("'{name}'")).collect();
    Ok(format!(
        "SELECT table_name AS name, column_name AS \"column\", data_type AS type FROM duckdb_columns() \
         WHERE table_name IN ({0}) ORDER BY list_position([{0}], table_name), column_index",
        rows.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_dot_is_a_statement_about_what_there_is() {
        assert!(statement(".schema").unwrap().contains("'gaps'"));
        assert!(!statement(" .schema refs ").unwrap().contains("'gaps'"));
        assert_eq!(statement("SELECT .5").unwrap(), "SELECT .5");
        assert!(statement(".schema nothing'").unwrap_err().to_string().contains("denied_flows"));
        assert!(statement(".tables").unwrap_err().to_string().contains(".schema"));
    }
}
