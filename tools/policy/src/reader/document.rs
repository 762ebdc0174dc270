//! The text of a policy as a tree that knows where everything stands, and the faults found in it.
//!
//! The tree is read by hand and not through serde. A reader that stops at the first mistake makes people mend a file
//! one run at a time. serde's errors know no dotted key, and no place for a check across two sections.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use crate::error::Fault;
use crate::reader::excerpt::Excerpt;

/// Faults kept while reading; those beyond are only counted.
const MOST_FAULTS: usize = 1000;
/// How many faults an error shows before it only counts them.
const SHOWN: usize = 20;

/// A fault whose line is not yet looked up.
struct Found {
    span: Range<usize>,
    key: String,
    problem: String,
    mend: String,
}

/// Where relative paths of the policy start.
pub(crate) struct Root<'a> {
    pub path: &'a Path,
    /// Whether relative paths are allowed at all; not in `/etc`.
    pub relative: bool,
}

/// A policy's text, its tree and the faults found so far.
pub(crate) struct Document<'a> {
    text: &'a str,
    table: DeTable<'a>,
    nothing: DeTable<'a>,
    root: Root<'a>,
    found: RefCell<Vec<Found>>,
    hidden: RefCell<Vec<Range<usize>>>,
    beyond: RefCell<usize>,
}

impl<'a> Document<'a> {
    /// Parses the syntax; mistakes in it are the first faults.
    pub(crate) fn parse(text: &'a str, root: Root<'a>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let document = Self {
            text,
            table: table.into_inner(),
            nothing: DeTable::new(),
            root,
            found: RefCell::default(),
            hidden: RefCell::default(),
            beyond: RefCell::default(),
        };
        for error in errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            document.report(span, String::new(), sentence(error.message()), "see https://toml.io for the syntax");
        }
        document
    }

    pub(crate) fn root(&self) -> &Root<'a> {
        &self.root
    }

    pub(crate) fn nothing(&self) -> &DeTable<'a> {
        &self.nothing
    }

    /// The tree, from the top.
    pub(crate) fn table(&self) -> &DeTable<'a> {
        &self.table
    }

    pub(crate) fn report(&self, span: Range<usize>, key: String, problem: String, mend: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() < MOST_FAULTS {
            found.push(Found { span, key, problem, mend: mend.into() });
        } else {
            *self.beyond.borrow_mut() += 1;
        }
    }

    /// Keeps a part of the text out of every excerpt, because a key may stand there.
    pub(crate) fn hide(&self, span: Range<usize>) {
        self.hidden.borrow_mut().push(span);
    }

    pub(crate) fn is_faulty(&self) -> bool {
        !self.found.borrow().is_empty()
    }

    /// The first faults in the order of the text, and how many were left out.
    pub(crate) fn into_faults(self) -> (Vec<Fault>, usize) {
        let shown = starred(self.text, self.hidden.into_inner());
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.span.start);
        let left_out = found.len().saturating_sub(SHOWN) + self.beyond.into_inner();
        let faults = found.into_iter().take(SHOWN).map(|fault| fault.placed(&shown)).collect();
        (faults, left_out)
    }
}

impl Found {
    fn placed(self, text: &str) -> Fault {
        let Excerpt { line, column, text, indent, width } = Excerpt::of(text, &self.span);
        let Self { key, problem, mend, .. } = self;
        Fault { line, column, key, problem, mend, excerpt: text, indent, width }
    }
}

/// The text with stars for the ASCII in some spans; bytes and characters stay where they are.
fn starred(text: &str, mut spans: Vec<Range<usize>>) -> String {
    spans.sort_by_key(|span| span.start);
    let mut spans = spans.into_iter().peekable();
    let star = |(at, character): (usize, char)| {
        while spans.next_if(|span| span.end <= at).is_some() {}
        let hidden = spans.peek().is_some_and(|span| span.contains(&at)) && character.is_ascii();
        if hidden { '*' } else { character }
    };
    text.char_indices().map(star).collect()
}

/// The parser's message on one line.
fn sentence(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(", ")
}
