//! Where a byte of the text stands, and the line around it as a terminal may show it.

use std::ops::Range;

/// A place in the text, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line, counted from 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The line, escaped and cut.
    pub text: String,
    /// Characters of `text` before the marked part.
    pub indent: usize,
    /// Characters of `text` that are marked, at least 1.
    pub width: usize,
}

/// Characters of a line shown before and from the place; policies are narrow, hostile files are not.
const BEFORE: usize = 60;
const FROM: usize = 60;

impl Excerpt {
    /// The place of a span of bytes. A span past the end, or inside a character, is moved back.
    pub(crate) fn of(text: &str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let (above, rest) = text.split_at(start);
        let begin = above.rfind('\n').map_or(0, |newline| newline + 1);
        let before = above.get(begin..).unwrap_or_default();
        let after = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let marked = floor(text, span.end).saturating_sub(start).min(after.len());

        let skipped = before.chars().count().saturating_sub(BEFORE);
        let lead: String = before.chars().skip(skipped).map(shown).collect();
        let mark: String = after.get(..marked).unwrap_or(after).chars().take(FROM).map(shown).collect();
        let tail: String = after.chars().take(FROM).map(shown).collect();
        let lead = if skipped > 0 { format!("…{lead}") } else { lead };
        let cut = if after.chars().nth(FROM).is_some() { "…" } else { "" };
        Self {
            line: above.matches('\n').count() + 1,
            column: before.chars().count() + 1,
            indent: lead.chars().count(),
            width: mark.chars().count().max(1),
            text: format!("{lead}{tail}{cut}"),
        }
    }
}

/// The nearest boundary of a character at or before `index`.
fn floor(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// One character as a terminal may show it; a tab is one column, so that the caret stands right.
fn shown(character: char) -> String {
    match character {
        '\t' => " ".to_owned(),
        '"' | '\'' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_not_bytes() {
        let text = "a = 1\nüü = \"x\"\r\nb = 2";
        let at = text.find("\"x\"").unwrap();
        let excerpt = Excerpt::of(text, &(at..at + 3));
        assert_eq!((excerpt.line, excerpt.column), (2, 6));
        assert_eq!((excerpt.text.as_str(), excerpt.indent, excerpt.width), ("üü = \"x\"", 5, 3));
    }

    #[test]
    fn control_characters_are_escaped_and_the_mark_still_fits() {
        let excerpt = Excerpt::of("\u{1b}[2J = 7", &(7..8));
        assert_eq!(excerpt.text, "\\u{1b}[2J = 7");
        assert_eq!(excerpt.text.chars().nth(excerpt.indent), Some('7'));
    }

    #[test]
    fn a_line_of_a_mebibyte_is_cut_on_both_sides() {
        let text = "x".repeat(1 << 20);
        let excerpt = Excerpt::of(&text, &(500_000..500_010));
        assert_eq!(excerpt.column, 500_001);
        assert_eq!(excerpt.text, format!("…{}…", "x".repeat(BEFORE + FROM)));
    }

    #[test]
    fn a_span_past_the_end_or_inside_a_character_is_moved_back() {
        assert_eq!(Excerpt::of("ab", &(9..12)).column, 3);
        assert_eq!(Excerpt::of("ü", &(1..2)).column, 1);
        assert_eq!(Excerpt::of("", &(0..0)).line, 1);
    }
}
