//! A screen of text: lines of at most 80 columns, escaped, and coloured where that is wanted.

use super::check::Verdict;

/// Columns of the smallest terminal that people use.
const WIDE: usize = 80;

/// The colour of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    None,
    Bold,
    Red,
    Yellow,
    Green,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Bold => "\x1b[1m",
            Self::Red => "\x1b[31m",
            Self::Yellow => "\x1b[33m",
            Self::Green => "\x1b[32m",
        }
    }

    /// The colour for a verdict.
    pub(super) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::Green,
            Verdict::Unknown => Self::Yellow,
            Verdict::Failed => Self::Red,
        }
    }
}

/// The lines so far.
#[derive(Debug)]
pub(super) struct Lines {
    coloured: bool,
    out: String,
}

impl Lines {
    pub(super) fn new(coloured: bool) -> Self {
        Self { coloured, out: String::new() }
    }

    /// One line of cells, each padded to its width and cut where it is longer; the last one takes the rest of the line.
    pub(super) fn row(&mut self, cells: &[(&str, usize, Colour)]) {
        let mut left = WIDE;
        let last = cells.len().saturating_sub(1);
        let mut line = String::new();
        for (at, (text, width, colour)) in cells.iter().enumerate() {
            let width = if at == last { left } else { (*width).min(left) };
            let text = clip(&record::escape(text), width);
            let padding = if at == last { 0 } else { width.saturating_sub(columns(&text)) };
            left = left.saturating_sub(width + 1);
            self.paint(&mut line, &text, *colour);
            line.extend(std::iter::repeat_n(' ', padding + usize::from(at != last)));
        }
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// One line as it is.
    pub(super) fn line(&mut self, text: &str) {
        self.row(&[(text, WIDE, Colour::None)]);
    }

    /// An empty line, and the head of a part.
    pub(super) fn head(&mut self, name: &str, more: &str) {
        self.out.push('\n');
        let width = columns(name);
        self.row(&[(name, width, Colour::Bold), (more, WIDE, Colour::None)]);
    }

    fn paint(&self, line: &mut String, text: &str, colour: Colour) {
        if !self.coloured || colour == Colour::None {
            return line.push_str(text);
        }
        line.push_str(colour.code());
        line.push_str(text);
        line.push_str("\x1b[0m");
    }

    /// Gives the whole text, with the colours in it.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The beginning of a text, with a mark where something is cut off.
fn clip(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for letter in text.chars() {
        let next = unicode_width::UnicodeWidthChar::width(letter).unwrap_or_default();
        if columns(&out) + next + 1 > most {
            break;
        }
        out.push(letter);
    }
    out.push('…');
    out
}

/// Numbers as a line of bars: a dot for nothing, and no bar so small that it can't be seen.
pub(super) fn sparkline(numbers: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or_default().max(1);
    let bar = |number: u64| {
        let at = usize::try_from(u128::from(number) * 8 / u128::from(most)).unwrap_or_default().saturating_sub(1);
        if number == 0 { '·' } else { BARS.get(at).copied().unwrap_or('█') }
    };
    numbers.iter().map(|number| bar(*number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bars_tell_nothing_from_little() {
        assert_eq!(sparkline(&[0, 1, 50, 100]), "·▁▄█");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[u64::MAX, 0]), "█·");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_line_wider_than_a_terminal_or_moves_the_cursor(a in any::<String>(), b in any::<String>()) {
            let mut lines = Lines::new(false);
            lines.row(&[(&a, 20, Colour::Red), (&b, 9, Colour::None), (&a, 0, Colour::None)]);
            let text = lines.finish();
            prop_assert_eq!(text.lines().count(), 1);
            prop_assert!(columns(text.trim_end()) <= WIDE, "{}", text);
            prop_assert!(!text.trim_end().chars().any(char::is_control));
        }
    }
}
