//! The names of the objects that are open, so that a repeated one is seen.
//!
//! Kept as places in the line, for all open objects in one stack that is used again for every line. Few names are
//! compared each with each; many are sorted first. So an object with a hundred thousand names costs us no more time
//! than it should.

use std::borrow::Cow;

use super::unescape::unescape;

const FEW: usize = 12;

#[derive(Debug, Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
    escaped: bool,
    /// Length and both ends: names that differ here are not compared any further.
    key: (usize, u8, u8),
}

impl Name {
    fn read(self, text: &str) -> Cow<'_, str> {
        let spelled = text.get(self.start..self.end).unwrap_or_default();
        if !self.escaped {
            return Cow::Borrowed(spelled);
        }
        // It was read once without a fault, so this cannot fail; the spelling stands in if it did.
        unescape(spelled).map_or(Cow::Borrowed(spelled), Cow::Owned)
    }
}

/// A stack of names.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Name>);

impl Names {
    /// For the next line.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Where the names of an object that opens now will begin.
    pub(crate) fn mark(&self) -> usize {
        self.0.len()
    }

    /// Adds a name by its place, quotes not included; `escaped` if it holds a backslash.
    pub(crate) fn push(&mut self, text: &str, start: usize, end: usize, escaped: bool) {
        let end_at = |at: usize| text.as_bytes().get(at).copied().unwrap_or_default();
        let key = (end - start, end_at(start), end_at(end.saturating_sub(1)));
        self.0.push(Name { start, end, escaped, key });
    }

    /// Drops the names of an object that closes.
    pub(crate) fn forget(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// A name that stands twice since the mark.
    pub(crate) fn repeated(&self, text: &str, mark: usize) -> Option<String> {
        let names = self.0.get(mark..)?;
        if names.len() > FEW || names.iter().any(|name| name.escaped) {
            return sorted(names, text);
        }
        let bytes = text.as_bytes();
        let spelled = |name: &Name| bytes.get(name.start..name.end);
        names.iter().enumerate().find_map(|(i, name)| {
            let before = names.get(..i)?;
            before
                .iter()
                .any(|other| other.key == name.key && spelled(other) == spelled(name))
                .then(|| name.read(text).into_owned())
        })
    }
}

fn sorted(names: &[Name], text: &str) -> Option<String> {
    let mut read: Vec<Cow<'_, str>> = names.iter().map(|name| name.read(text)).collect();
    read.sort_unstable();
    read.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(a.clone().into_owned()),
        _ => None,
    })
}
