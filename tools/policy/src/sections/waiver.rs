//! `[[waiver]]`: a known deviation, justified and dated, never silent.

use jiff::civil::Date;

use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::sections::cell::container_name;
use crate::types::name;

/// A deviation that the owner accepts, for one container and until a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The control's id, such as `cis-docker-5.12`.
    pub control: String,
    /// The container it is accepted for.
    pub container: String,
    /// The last day it holds (UTC).
    pub until: Date,
    /// Why he accepts it, in words; never empty.
    pub reason: String,
}

impl Waiver {
    /// Whether it still holds on this day.
    pub fn holds_on(&self, day: Date) -> bool {
        day <= self.until
    }
}

pub(crate) fn read(section: &Section<'_>) -> Option<Waiver> {
    let control = section.required("control", control_id);
    let container = section.required("container", container_name);
    let until = section.required("until", Value::date);
    let reason = section.required("reason", reason);
    Some(Waiver { control: control?, container: container?, until: until?, reason: reason? })
}

fn control_id(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if name::CONTROL.allows(text) {
        return Some(text.to_owned());
    }
    value.refuse(
        format!("{} is no control", quoted(text)),
        "write an id that `sandboxctl audit` prints, such as \"cis-docker-5.12\"",
    )
}

fn reason(value: &Value<'_>) -> Option<String> {
    let text = value.text()?.trim();
    if text.is_empty() || text.len() > 1000 {
        return value
            .refuse("a waiver needs a reason of 1 to 1000 bytes", "say in a sentence why the deviation is acceptable");
    }
    Some(text.to_owned())
}
