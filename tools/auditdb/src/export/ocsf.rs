//! OCSF 1.5 (schema.ocsf.io), one event a line: checks are Compliance Findings, alerts and other verdicts against the
//! policy Detection Findings, and everything else Base Events. The record itself goes with each, as `raw_data`.

use std::io::Write;

use anyhow::Result;
use record::Severity;
use serde_json::{Value, json};
use tool::unprinted;

use super::Report;
use super::item::Item;

/// The version of the schema.
const VERSION: &str = "1.5.0";
/// `activity_id` of a finding: it was created.
const CREATE: u32 = 1;

/// Writes each record as one line of OCSF.
pub(super) struct Ocsf<'o>(&'o mut dyn Write);

impl<'o> Ocsf<'o> {
    /// Begins with nothing: OCSF lines have no head.
    pub(super) fn begin(out: &'o mut dyn Write) -> Self {
        Self(out)
    }
}

impl Report for Ocsf<'_> {
    fn add(&mut self, item: &Item) -> Result<()> {
        writeln!(self.0, "{}", event(item)).map_err(unprinted)
    }

    fn end(&mut self) -> Result<()> {
        self.0.flush().map_err(unprinted)
    }
}

/// A class of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Base,
    Compliance,
    Detection,
}

fn class(item: &Item) -> Class {
    let checks = [
        "control-evaluated",
        "probe-evaluated",
        "pin-evaluated",
        "criterion-evaluated",
        "host-evaluated",
        "try-evaluated",
    ];
    match item.verdict() {
        Some(_) if checks.contains(&item.action.as_str()) || item.action.ends_with("-verified") => Class::Compliance,
        Some(verdict) if verdict != "success" => Class::Detection,
        _ if item.is_alert() => Class::Detection,
        _ => Class::Base,
    }
}

fn event(item: &Item) -> Value {
    let class = class(item);
    let (class_uid, class_name, category_uid, category_name, activity) = match class {
        Class::Base => (0, "Base Event", 0, "Uncategorized", 99),
        Class::Compliance => (2003, "Compliance Finding", 2, "Findings", CREATE),
        Class::Detection => (2004, "Detection Finding", 2, "Findings", CREATE),
    };
    let event = json!({
        "metadata": {"version": VERSION, "uid": item.id, "log_provider": item.provider, "event_code": item.action,
            "product": {"name": "Cellblock", "vendor_name": "Cellblock", "version": env!("CARGO_PKG_VERSION")}},
        "time": item.time.as_millisecond(),
        "message": item.said(),
        "severity_id": severity_id(item.severity),
        "activity_id": activity,
        "class_uid": class_uid, "class_name": class_name, "category_uid": category_uid, "category_name": category_name,
        "type_uid": class_uid * 100 + activity,
        "status_code": item.outcome,
        "status_detail": item.reason,
        "raw_data": item.raw,
    });
    with(event, of_class(class, item))
}

/// What a class has beside what all have.
fn of_class(class: Class, item: &Item) -> Value {
    let compliance = json!({"control": item.rule, "standards": ["cellblock"], "status_id": status_id(item)});
    match class {
        Class::Base => json!({"activity_name": item.action}),
        Class::Detection => json!({"finding_info": finding(item), "resources": resources(item)}),
        Class::Compliance => {
            json!({"finding_info": finding(item), "resources": resources(item), "compliance": compliance})
        }
    }
}

/// One object with the fields of both.
fn with(mut object: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) {
        fields.extend(more);
    }
    object
}

fn finding(item: &Item) -> Value {
    let title = item.rule_name.as_deref().unwrap_or(&item.rule);
    json!({"uid": item.fingerprint, "title": title, "desc": item.said(), "types": [item.action], "data_sources": [item.provider]})
}

fn resources(item: &Item) -> Value {
    let of = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let container = item.container.as_deref().map(|name| of(name, "container"));
    let subject = Some(item.subject.as_str()).filter(|subject| !subject.is_empty());
    container
        .into_iter()
        .chain(subject.map(|name| of(name, if item.file.is_some() { "file" } else { "subject" })))
        .collect()
}

/// From the record's 0, 21, 47, 73 and 99 to the schema's five.
fn severity_id(severity: u8) -> u32 {
    match Severity::from(severity) {
        Severity::Critical => 5,
        Severity::High => 4,
        Severity::Medium => 3,
        Severity::Low => 2,
        Severity::Informational => 1,
    }
}

/// Pass, Fail, or Unknown: what could not be evaluated is never a pass.
fn status_id(item: &Item) -> u32 {
    match item.verdict() {
        Some("success") => 1,
        Some("failure") => 3,
        _ => 0,
    }
}
