//! A strict JSON scanner (RFC 8259) that reads a line once. It refuses what two readers could understand differently.
//! It takes out only what the database has a column for.
//!
//! Why not serde: of two equal names in one object `serde_json` keeps the last, DuckDB the first. A line that means two
//! things is how a forger hides. Names are compared as they read, not as they are spelled (`"\u0061"` is `"a"`), in
//! every object at every depth. Nothing is built in memory but the columns, which borrow from the line.

use std::borrow::Cow;

use super::columns::{Columns, JsonPath};
use super::names::Names;
use super::plain::{is_plain, quote, special};
use super::unescape::unescape;

/// Deeper nesting is refused: no field set has it, and a scanner must not be driven down its stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a line is none: where, counted in bytes from 1, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The byte at fault, counted from 1.
    pub(crate) column: usize,
    /// What is wrong there, in a sentence for people.
    pub(crate) reason: String,
}

/// Reads lines, one after the other, with one buffer for all of them.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    names: Names,
}

impl Scanner {
    /// The columns of one line.
    ///
    /// # Errors
    /// If it is no JSON object, or nests deeper than [`MAX_DEPTH`]. If a name stands twice in an object. If a field
    /// that every record has holds what it cannot.
    pub(crate) fn scan<'a>(&mut self, text: &'a str) -> Result<Columns<'a>, Fault> {
        self.names.clear();
        let (plain, columns) = (is_plain(text.as_bytes()), Columns::default());
        let mut pass = Pass { text, plain, at: 0, depth: 0, names: &mut self.names, columns };
        pass.space();
        if pass.peek() != Some(b'{') {
            return Err(pass.fault("a record is a JSON object"));
        }
        pass.value(JsonPath::Root)?;
        pass.space();
        if pass.at < text.len() {
            return Err(pass.fault("something stands behind the object"));
        }
        Ok(pass.columns)
    }
}

struct Pass<'a, 's> {
    text: &'a str,
    /// Does every string of it end at the next quote?
    plain: bool,
    at: usize,
    depth: usize,
    names: &'s mut Names,
    columns: Columns<'a>,
}

impl<'a> Pass<'a, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { column: self.at + 1, reason: reason.into() }
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, place: JsonPath) -> Result<(), Fault> {
        let start = self.at;
        let fits = match self.peek() {
            Some(b'{') => return self.object(place),
            Some(b'[') => return self.array(place),
            Some(b'"') => {
                let text = self.string()?;
                self.columns.text(place, text)
            }
            Some(b'-' | b'0'..=b'9') => {
                let digits = self.number()?;
                self.columns.number(place, digits)
            }
            Some(b't') => self.literal("true").map(|()| self.columns.other(place))?,
            Some(b'f') => self.literal("false").map(|()| self.columns.other(place))?,
            Some(b'n') => self.literal("null").map(|()| self.columns.other(place))?,
            Some(_) => return Err(self.fault("no JSON value starts like this")),
            None => return Err(self.fault("the line ends where a value was expected")),
        };
        fits.map_err(|reason| Fault { column: start + 1, reason })
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        self.at += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH}")));
        }
        self.space();
        Ok(())
    }

    fn object(&mut self, place: JsonPath) -> Result<(), Fault> {
        let opened = self.at;
        self.columns.object(place).map_err(|reason| Fault { column: opened + 1, reason })?;
        self.deeper()?;
        let first = self.names.mark();
        if self.peek() == Some(b'}') {
            return self.close();
        }
        loop {
            let inner = self.name(place)?;
            self.value(inner)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.fault("expected ',' or '}'")),
            }
            self.space();
        }
        if let Some(twice) = self.names.repeated(self.text, first) {
            return Err(Fault { column: opened + 1, reason: format!("the name {twice:?} stands twice in one object") });
        }
        self.names.forget(first);
        self.close()
    }

    /// A name and the colon behind it: the place that it names inside of this one.
    #[inline]
    fn name(&mut self, place: JsonPath) -> Result<JsonPath, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a name in quotes"));
        }
        let start = self.at + 1;
        let inner = if let Some(name) = self.plain_string() {
            self.names.push(self.text, start, self.at - 1, false);
            place.below(name)
        } else {
            let name = self.any_string()?;
            self.names.push(self.text, start, self.at - 1, matches!(name, Cow::Owned(_)));
            place.below(&name)
        };
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected ':'"));
        }
        self.at += 1;
        self.space();
        Ok(inner)
    }

    fn array(&mut self, place: JsonPath) -> Result<(), Fault> {
        let start = self.at;
        self.columns.list(place).map_err(|reason| Fault { column: start + 1, reason })?;
        self.deeper()?;
        if self.peek() == Some(b']') {
            return self.close();
        }
        loop {
            self.value(place.item())?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.close(),
                _ => return Err(self.fault("expected ',' or ']'")),
            }
            self.space();
        }
    }

    fn close(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// A string, from its first quote to behind its last.
    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        if let Some(plain) = self.plain_string() { Ok(Cow::Borrowed(plain)) } else { self.any_string() }
    }

    /// The same in a line where every string ends at its next quote.
    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).filter(|_| self.plain)?;
        let end = start + quote(rest);
        let inner = self.text.get(start..end).filter(|_| end < self.text.len())?;
        self.at = end + 1;
        Some(inner)
    }

    /// The same, where anything may stand in it, or its end may be missing.
    #[cold]
    fn any_string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at += special(self.rest());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => return Err(self.fault("a control character stands bare in a string")),
                None => return Err(self.fault("the line ends inside a string")),
            }
        }
        let inner = self.text.get(start..self.at).ok_or_else(|| self.fault("a backslash cuts a character"))?;
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(inner));
        }
        unescape(inner).map(Cow::Owned).map_err(|at| Fault { column: start + at + 1, reason: "no such escape".into() })
    }

    fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let count = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.fault("expected a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.fault("no JSON value starts like this"));
        }
        self.at += word.len();
        Ok(())
    }
}
