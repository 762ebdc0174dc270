//! Whatever an attacker may have chosen is escaped before a person sees it. A file name must not move the cursor,
//! recolour the screen or forge a second line.

use std::borrow::Cow;

/// Makes text harmless on a terminal: control characters, separators of lines and paragraphs, and what turns the
/// direction of text become `\u{…}`. A backslash is doubled.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Makes JSON harmless on a terminal, and leaves it the same JSON: the characters that [`escape`] escapes become
/// `\uXXXX` (RFC 8259 section 7). Raw, they can stand in strings only.
#[must_use]
pub fn harmless(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_unsafe(c) {
            let mut units = [0u16; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control, format and separator characters that change how what follows is shown
/// (Unicode TR36 §2.10: bidirectional text spoofing).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_escaped_holds_a_control_character(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_unsafe));
        }

        #[test]
        fn harmless_json_is_the_same_json_and_moves_no_cursor(text in any::<String>()) {
            let json = serde_json::to_string(&format!("{text}\u{9b}2J\u{202e}\u{e0041}")).unwrap();
            let shown = harmless(&json);
            prop_assert!(!shown.chars().any(is_unsafe), "{shown}");
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), serde_json::from_str::<String>(&json).unwrap());
        }
    }
}
