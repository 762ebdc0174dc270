//! Waivers: those that waive nothing, and the lines that a person pastes to have one.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use policy::{Policy, Waiver};
use record::{Outcome, Record};

use super::catalogue;

/// How long a waiver holds that is offered to be pasted: its reader may choose another day.
const OFFERED: fn() -> Span = || 30.days();

/// A finding's place: its control and its target's name.
pub(crate) fn place(record: &Record) -> Option<(&str, &str)> {
    let id = record.rule.as_ref()?.id.as_deref()?;
    let container = record.container.as_ref().and_then(|container| container.name.as_deref());
    let network = record.network.as_ref().and_then(|network| network.name.as_deref());
    Some((id, container.or(network).unwrap_or("engine")))
}

/// One sentence for each waiver that waives nothing: a slip of the pen in it would be believed in. One that outlived
/// its reason hides the next failure. `known` are the names there are; without them no name is called unknown.
pub(crate) fn idle(policy: &Policy, records: &[Record], known: Option<&BTreeSet<String>>) -> Vec<String> {
    let ids: Vec<&str> = catalogue::all().iter().map(|entry| entry.id).collect();
    let why = |waiver: &Waiver| {
        if !ids.contains(&waiver.control.as_str()) {
            return Some("there is no such control; sandboxctl controls lists those there are".to_owned());
        }
        if known.is_some_and(|known| !known.contains(&waiver.container)) {
            return Some(format!("there is no container or network {}", waiver.container));
        }
        let place = (waiver.control.as_str(), waiver.container.as_str());
        let passes = |record: &&Record| self::place(record) == Some(place) && is_plain_pass(record);
        records.iter().find(passes).map(|_| "it passes anyway; take the waiver out".to_owned())
    };
    let told = |waiver: &Waiver| {
        let Waiver { control, container, .. } = waiver;
        Some(format!(
            "[[waiver]] control = \"{control}\", container = \"{container}\" waives nothing: {}",
            why(waiver)?
        ))
    };
    policy.waivers.iter().filter_map(told).collect()
}

/// The waiver in a record that one accepts.
pub(crate) fn is_waived(record: &Record) -> bool {
    let control = record.cellblock.as_ref().and_then(|own| own.cell.as_ref()?.control.as_ref());
    record.event.outcome == Some(Outcome::Success) && control.is_some_and(|control| control.waived.is_some())
}

fn is_plain_pass(record: &Record) -> bool {
    record.event.outcome == Some(Outcome::Success) && !is_waived(record)
}

/// What the policy takes for this failure. It has no reason yet: the policy refuses one without.
pub(crate) fn to_paste(record: &Record, today: Date) -> Option<String> {
    let (control, target) = place(record)?;
    // What Docker itself refuses as a name the policy refuses too: nothing odd can stand here.
    let plain = target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let until = today.checked_add(OFFERED()).ok()?;
    plain.then(|| {
        format!("[[waiver]]\ncontrol = \"{control}\"\ncontainer = \"{target}\"\nuntil = {until}\nreason = \"\"\n")
    })
}
