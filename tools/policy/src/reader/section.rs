//! One table of the policy: known keys are read, unknown ones refused, missing ones named.

use std::ops::Range;

use toml::de::DeTable;

use crate::reader::document::Document;
use crate::reader::invalid::quoted;
use crate::reader::schema::{self, Table};
use crate::reader::value::{Value, dotted};

/// A table under its schema.
pub(crate) struct Section<'d> {
    document: &'d Document<'d>,
    schema: &'static Table,
    path: String,
    span: Range<usize>,
    table: &'d DeTable<'d>,
}

impl<'d> Section<'d> {
    /// The section that holds all others: the keys at the file's top.
    pub(crate) fn top(document: &'d Document<'d>) -> Self {
        Self::open(document, &schema::TOP, String::new(), 0..0, document.table())
    }

    /// The table that a value is. `None` means that it is none, and a fault was reported.
    pub(crate) fn of(value: &Value<'d>, schema: &'static Table) -> Option<Self> {
        let table = value.entries()?;
        Some(Self::open(value.document(), schema, value.key().to_owned(), value.span(), table))
    }

    /// Opens a table and refuses what its schema does not know.
    fn open(
        document: &'d Document<'d>,
        schema: &'static Table,
        path: String,
        span: Range<usize>,
        table: &'d DeTable<'d>,
    ) -> Self {
        let section = Self { document, schema, path, span, table };
        for (key, value) in table.iter().filter(|(key, _)| !schema.knows(key.get_ref())) {
            if schema.path == schema::EGRESS.path {
                document.hide(value.span()); // "token", "api_key": what stands there is not for a terminal
            }
            section.refuse_unknown(key.span(), key.get_ref());
        }
        section
    }

    fn refuse_unknown(&self, span: Range<usize>, name: &str) {
        let known = || self.schema.keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ");
        let mend = match self.schema.nearest(name) {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None => format!("the keys here are {}", known()),
        };
        self.document.report(span, self.key(name), format!("unknown key {}", quoted(name)), mend);
    }

    fn key(&self, name: &str) -> String {
        dotted(&self.path, name)
    }

    fn get(&self, name: &'static str) -> Option<Value<'d>> {
        let value = self.table.get(name)?;
        Some(Value::new(self.document, self.key(name), value.span(), value.get_ref()))
    }

    /// A key that must be there. `None` means that a fault was reported.
    pub(crate) fn required<T>(&self, name: &'static str, read: impl FnOnce(&Value<'d>) -> Option<T>) -> Option<T> {
        if let Some(value) = self.get(name) {
            return read(&value);
        }
        let mend = format!("add {}", self.schema.line(name));
        self.document.report(self.span.clone(), self.key(name), format!("{} is missing", quoted(name)), mend);
        None
    }

    /// A key with a default. `None` means that a fault was reported.
    pub(crate) fn or<T>(
        &self,
        name: &'static str,
        default: T,
        read: impl FnOnce(&Value<'d>) -> Option<T>,
    ) -> Option<T> {
        self.get(name).map_or(Some(default), |value| read(&value))
    }

    /// A key that may be absent. The outer `None` means that a fault was reported.
    pub(crate) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Value<'d>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.get(name).map_or(Some(None), |value| read(&value).map(Some))
    }

    /// A table that may be absent; it is then read as an empty one, so that all defaults hold.
    pub(crate) fn table<T>(
        &self,
        name: &'static str,
        schema: &'static Table,
        read: impl FnOnce(&Section<'d>) -> Option<T>,
    ) -> Option<T> {
        let section = match self.get(name) {
            Some(value) => Section::of(&value, schema)?,
            None => Section::open(self.document, schema, self.key(name), self.span.clone(), self.document.nothing()),
        };
        read(&section)
    }

    /// A list of tables that may be absent, each read by itself. Faults in one don't hide those in the next.
    pub(crate) fn tables<T>(
        &self,
        name: &'static str,
        schema: &'static Table,
        read: impl Fn(&Section<'d>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.or(name, Vec::new(), |value| {
            if value.is_table() {
                return value.refuse(
                    "expected a list of tables, found one table",
                    format!("write [[{name}]], with two brackets"),
                );
            }
            value.each(|element| read(&Section::of(element, schema)?))
        })
    }

    /// The table itself as a value, to be refused as a whole or under a key that is absent.
    pub(crate) fn refuse<T>(
        &self,
        name: &'static str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) -> Option<T> {
        let span = self.get(name).map_or_else(|| self.span.clone(), |value| value.span());
        self.document.report(span, self.key(name), problem.into(), mend);
        None
    }

    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.table.contains_key(name)
    }

    pub(crate) fn document(&self) -> &'d Document<'d> {
        self.document
    }
}
