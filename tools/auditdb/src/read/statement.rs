//! One statement and no more: DuckDB runs all that stand in a text and shows the rows of the last.

use anyhow::{Result, bail};

/// Refuses a text in which something follows the semicolon that ends a statement.
///
/// # Errors
/// With what follows.
pub(super) fn only_one(sql: &str) -> Result<()> {
    let Some(end) = first_end(sql) else { return Ok(()) };
    let rest = sql.get(end..).unwrap_or_default();
    let Some(start) = next_token(rest) else { return Ok(()) };
    let next: String = rest.get(start..).unwrap_or_default().chars().take(40).collect();
    bail!(
        "one statement at a time: a second one begins with `{}`; ask twice, or use WITH",
        record::escape(next.trim_end())
    )
}

/// Where the first statement ends: behind a semicolon that is in no string, name or comment.
fn first_end(sql: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        match skipped(rest) {
            Some(length) => at += length,
            None if rest.starts_with(';') => {
                // Empty statements in front end nothing.
                match next_token(sql.get(..at).unwrap_or_default()) {
                    Some(_) => return Some(at + 1),
                    None => at += 1,
                }
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    None
}

/// Where anything begins that is neither white space, a comment nor a semicolon.
fn next_token(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next()?;
        match comment(rest) {
            Some(length) => at += length,
            None if first.is_whitespace() || first == ';' => at += first.len_utf8(),
            None => return Some(at),
        }
    }
    None
}

/// How long the string, quoted name or comment is that begins here; to the end of the text where it has no end.
fn skipped(text: &str) -> Option<usize> {
    let rest = text.get(1..)?;
    match text.as_bytes().first()? {
        b'\'' => Some(1 + quoted(rest, '\'', false)),
        b'"' => Some(1 + quoted(rest, '"', false)),
        b'e' | b'E' if rest.starts_with('\'') => Some(2 + quoted(rest.get(1..)?, '\'', true)),
        b'$' => dollar(text),
        _ => comment(text).or_else(|| word(text)),
    }
}

/// A name or number at once, so that no letter in it is taken for the beginning of `E'…'`.
fn word(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then_some(end)
}

/// The rest of what is quoted; a doubled quote stands for one, and with `escapes` a backslash covers what follows it.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if escapes && letter == '\\' {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return at + quote.len_utf8();
        }
    }
    text.len()
}

/// `$$…$$` and `$tag$…$tag$`; a `$1` is no such thing.
fn dollar(text: &str) -> Option<usize> {
    let end = text.get(1..)?.find('$')? + 2;
    let tag = text.get(..end)?;
    let inner = tag.trim_matches('$');
    let plain =
        !inner.starts_with(|c: char| c.is_ascii_digit()) && inner.chars().all(|c| c.is_alphanumeric() || c == '_');
    let body = plain.then(|| text.get(end..))??;
    Some(body.find(tag).map_or(text.len(), |at| end + at + tag.len()))
}

/// `-- …` to the end of the line, and `/* … */`.
fn comment(text: &str) -> Option<usize> {
    let to = |end: &str| text.find(end).map_or(text.len(), |at| at + end.len());
    match text.get(..2)? {
        "--" => Some(to("\n")),
        "/*" => Some(to("*/")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_semicolon_at_the_end_or_in_a_string_ends_no_statement_that_another_follows() {
        for one in [
            "SELECT 1",
            "SELECT 1;",
            "SELECT 1 ; ; -- done\n",
            "SELECT ';' AS a, \"x;y\" FROM t",
            "SELECT 'it''s; so'",
            "SELECT E'a\\'; b'",
            "SELECT $$ ; $$, $t$ a;$$b $t$",
            "SELECT 1 /* ; SELECT 2 */",
            "-- a; b\nSELECT 1",
            ";",
            "",
            "; SELECT 1",
            "SELECT 'unfinished; ",
            "SELECT role'x;y'",
        ] {
            assert!(only_one(one).is_ok(), "{one}");
        }
    }

    #[test]
    fn what_follows_a_statement_is_named() {
        for (two, next) in [
            ("SELECT 1; SELECT 2", "SELECT 2"),
            ("A; B", "B"),
            ("SELECT ';';/* x */ DROP TABLE records", "DROP TABLE records"),
            ("SELECT $1; SELECT $2", "SELECT $2"),
            ("SELECT 'a\\'; SELECT 'b'", "SELECT 'b'"),
            ("; A; B", "B"),
        ] {
            let said = format!("{}", only_one(two).unwrap_err());
            assert!(said.contains(&format!("`{next}`")), "{two}: {said}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[;'\"$a/*\\-E\u{e4} \n]{0,40}") {
            let _ = only_one(&text);
        }
    }
}
