//! The names of the objects that are open, so that a repeated one is seen.
//!
//! Kept as places in the line, for all open objects in one stack that is used again for every line. Names that may be
//! alike are compared each with each where they are few; many are sorted first. So an object with a hundred thousand
//! names costs us no more time than it should.

use std::borrow::Cow;

use super::unescape::unescape;

const FEW: usize = 12;

#[derive(Debug, Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
    escaped: bool,
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

/// The names of the objects that are open, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Vec<Name>,
    /// For each its length and both ends: names that differ here are not compared any further.
    keys: Vec<u64>,
    /// Is any name of the line spelled with an escape? Then its key says nothing.
    escaped: bool,
}

impl Names {
    /// Forgets all names, before the next line.
    pub(crate) fn clear(&mut self) {
        self.forget(0);
        self.escaped = false;
    }

    /// Where the names of an object that opens now will begin.
    pub(crate) fn mark(&self) -> usize {
        self.names.len()
    }

    /// Adds a name by its place, quotes not included; `escaped` if it holds a backslash.
    pub(crate) fn push(&mut self, text: &str, start: usize, end: usize, escaped: bool) {
        let end_at = |at: usize| u64::from(text.as_bytes().get(at).copied().unwrap_or_default());
        self.keys.push((end - start) as u64 | end_at(start) << 48 | end_at(end.saturating_sub(1)) << 56);
        self.names.push(Name { start, end, escaped });
        self.escaped |= escaped;
    }

    /// Drops the names of an object that closes.
    pub(crate) fn forget(&mut self, mark: usize) {
        self.names.truncate(mark);
        self.keys.truncate(mark);
    }

    /// A name that stands twice since the mark.
    pub(crate) fn repeated(&self, text: &str, mark: usize) -> Option<String> {
        let (names, keys) = (self.names.get(mark..)?, self.keys.get(mark..)?);
        let few_differ = || names.len() <= FEW && !has_twins(keys);
        if !self.escaped && (!may_repeat(keys) || few_differ()) { None } else { sorted(names, text) }
    }
}

/// Do two of them look alike? Each is compared with each.
fn has_twins(keys: &[u64]) -> bool {
    keys.iter().enumerate().any(|(at, key)| keys.get(..at).is_some_and(|before| before.contains(key)))
}

/// Can any of them stand twice? Of a few that differ, two look alike once in ten times.
fn may_repeat(keys: &[u64]) -> bool {
    let (mut seen, mut twice) = ([0u64; 4], false);
    for key in keys {
        // What differs in the keys comes into the highest bits: two choose the word, six the bit.
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let Some(word) = seen.get_mut((mixed >> 62) as usize) else { continue };
        let bit = 1 << (mixed >> 56 & 63);
        twice |= *word & bit != 0;
        *word |= bit;
    }
    twice
}

fn sorted(names: &[Name], text: &str) -> Option<String> {
    let mut read: Vec<Cow<'_, str>> = names.iter().map(|name| name.read(text)).collect();
    read.sort_unstable();
    read.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(a.clone().into_owned()),
        _ => None,
    })
}
