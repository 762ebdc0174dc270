//! nginx's syntax: lines, blocks, and strings that stay strings.

/// A configuration as it grows, indented by its blocks.
#[derive(Debug, Default)]
pub(super) struct Conf {
    text: String,
    depth: usize,
}

impl Conf {
    /// One line, as it is.
    pub(super) fn line(&mut self, line: &str) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Writes `head { … }`, with what `body` writes inside.
    pub(super) fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    /// Gives the whole configuration.
    pub(super) fn text(self) -> String {
        self.text
    }
}

/// A string in double quotes that nginx reads back as it is, where it expands no variables: the argument
/// of `location` and `server_name`, the left side of `map`.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The same where nginx expands variables (`set`, `return`, the right side of `map`). It has no escape for a dollar
/// sign, so a variable that holds one ([`DOLLAR`]) stands for it.
pub(super) fn value(text: &str) -> String {
    quote(text).replace('$', "${gate_dollar}")
}

/// Declares the variable that [`value`] uses.
pub(super) const DOLLAR: &str = "geo $gate_dollar { default \"$\"; }";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_cannot_end_itself_or_begin_a_variable() {
        assert_eq!(quote(r#"a"; b\"#), r#""a\"; b\\""#);
        assert_eq!(value("/a$request_uri"), "\"/a${gate_dollar}request_uri\"");
    }

    #[test]
    fn blocks_are_indented_and_closed() {
        let mut conf = Conf::default();
        conf.block("http", |conf| conf.block("server", |conf| conf.line("return 403;")));
        assert_eq!(conf.text(), "http {\n    server {\n        return 403;\n    }\n}\n");
    }
}
