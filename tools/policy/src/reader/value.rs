//! One value of the policy: read as the type that is expected, or refused with its place.

use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use crate::reader::document::Document;
use crate::reader::invalid::{Invalid, quoted};

/// A value, its dotted key and its place.
pub(crate) struct Value<'d> {
    document: &'d Document<'d>,
    key: String,
    span: Range<usize>,
    value: &'d DeValue<'d>,
}

impl<'d> Value<'d> {
    pub(crate) fn new(document: &'d Document<'d>, key: String, span: Range<usize>, value: &'d DeValue<'d>) -> Self {
        Self { document, key, span, value }
    }

    /// The value at a path such as `["egress", "2", "host"]` (elements count from 1), for a check across
    /// sections. Where the path leads nowhere, because a default stands there, its last part that exists.
    pub(crate) fn at(document: &'d Document<'d>, path: &[&str]) -> Self {
        let mut key = String::new();
        let mut place: Option<&toml::Spanned<DeValue<'_>>> = None;
        let mut table = Some(document.table());
        for step in path {
            let next = match (table, place.map(toml::Spanned::get_ref)) {
                (Some(table), _) => table.get(*step),
                (None, Some(DeValue::Array(list))) => {
                    step.parse().ok().and_then(|n: usize| list.get(n.checked_sub(1)?))
                }
                _ => None,
            };
            let in_list = table.is_none();
            let Some(next) = next else { break };
            key = match (key.is_empty(), in_list) {
                (true, _) => (*step).to_owned(),
                (false, true) => format!("{key}[{step}]"),
                (false, false) => format!("{key}.{step}"),
            };
            table = next.get_ref().as_table();
            place = Some(next);
        }
        match place {
            Some(value) => Self::new(document, key, value.span(), value.get_ref()),
            None => Self::new(document, path.join("."), 0..0, &DeValue::Boolean(false)),
        }
    }

    pub(crate) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Reports a fault at this value; always `None`, so that a reader can return it.
    pub(crate) fn refuse<T>(&self, problem: impl Into<String>, mend: impl Into<String>) -> Option<T> {
        self.document.report(self.span.clone(), self.key.clone(), problem.into(), mend);
        None
    }

    /// As [`Value::refuse`], where a key may stand: no message repeats it, no excerpt shows it.
    pub(crate) fn refuse_unseen<T>(&self, problem: impl Into<String>, mend: impl Into<String>) -> Option<T> {
        self.document.hide(self.span.clone());
        self.refuse(problem, mend)
    }

    /// Takes a result, or reports why there is none.
    pub(crate) fn accept<T>(&self, result: Result<T, Invalid>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Invalid { problem, mend }) => self.refuse(problem, mend),
        }
    }

    fn refuse_type<T>(&self, expected: &str) -> Option<T> {
        self.refuse(
            format!("expected {expected}, found {}", article(self.value.type_str())),
            format!("write {expected}"),
        )
    }

    /// The string, if it is one; reports nothing.
    pub(crate) fn as_text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    pub(crate) fn text(&self) -> Option<&'d str> {
        self.value.as_str().or_else(|| self.refuse_type("a string in double quotes"))
    }

    /// A string that the type itself reads.
    pub(crate) fn parsed<T: FromStr<Err = Invalid>>(&self) -> Option<T> {
        let text = self.text()?;
        self.accept(text.parse())
    }

    /// Reads one of a few words, and refuses any other.
    pub(crate) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        self.refuse(format!("{} is not {all}", quoted(text)), format!("write {all}"))
    }

    pub(crate) fn integer(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(integer) = self.value.as_integer() else {
            return self.refuse_type(&expected);
        };
        match u32::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.refuse(format!("{integer} is out of range"), format!("write {expected}")),
        }
    }

    /// A number with or without a fraction.
    pub(crate) fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let text = match self.value {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => return self.refuse_type(&expected),
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.refuse(format!("{} is out of range", quoted(text)), format!("write {expected}")),
        }
    }

    /// The integer of a value that may also be a string, such as a size.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        let integer = self.value.as_integer()?;
        u64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A date without a time.
    pub(crate) fn date(&self) -> Option<Date> {
        let date = match self.value.as_datetime() {
            Some(moment) if moment.time.is_none() => moment.date,
            _ => None,
        };
        let Some(date) = date else {
            return self.refuse_type("a date without quotes, such as 2027-01-31");
        };
        let civil = i16::try_from(date.year)
            .ok()
            .zip(i8::try_from(date.month).ok().zip(i8::try_from(date.day).ok()))
            .and_then(|(year, (month, day))| Date::new(year, month, day).ok());
        civil.or_else(|| self.refuse(format!("{date} is not in the calendar"), "write a date such as 2027-01-31"))
    }

    /// Every element of a list, each read by itself. `None` means that a fault was reported.
    pub(crate) fn each<T>(&self, read: impl Fn(&Value<'d>) -> Option<T>) -> Option<Vec<T>> {
        let Some(list) = self.value.as_array() else {
            return self.refuse_type("a list in square brackets");
        };
        let read_all: Vec<Option<T>> = list
            .iter()
            .enumerate()
            .map(|(index, element)| {
                let key = format!("{}[{}]", self.key, index + 1);
                read(&Value::new(self.document, key, element.span(), element.get_ref()))
            })
            .collect();
        read_all.into_iter().collect()
    }

    /// A list with a number of elements in a range.
    pub(crate) fn list<T>(
        &self,
        length: RangeInclusive<usize>,
        read: impl Fn(&Value<'d>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let list = self.each(read)?;
        if length.contains(&list.len()) {
            return Some(list);
        }
        let (found, least, most) = (list.len(), length.start(), length.end());
        let problem = if list.is_empty() { "an empty list".to_owned() } else { format!("a list of {found}") };
        self.refuse(problem, format!("list {least} to {most} of them"))
    }

    /// The table behind this value, for one whose keys are names that the user gives.
    pub(crate) fn entries(&self) -> Option<&'d DeTable<'d>> {
        self.value.as_table().or_else(|| self.refuse_type("a table"))
    }

    /// A child of a table whose keys are names that the user gives.
    pub(crate) fn child(&self, name: &str, span: Range<usize>, value: &'d DeValue<'d>) -> Value<'d> {
        Value::new(self.document, dotted(&self.key, name), span, value)
    }
}

/// The key of a child. A name that TOML would have to quote is quoted, and escaped, here too.
pub(crate) fn dotted(path: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let name = if bare { name.to_owned() } else { quoted(name) };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn article(kind: &str) -> String {
    match kind {
        "integer" | "array" => format!("an {kind}"),
        other => format!("a {other}"),
    }
}
