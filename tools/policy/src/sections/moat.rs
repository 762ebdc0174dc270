//! `[moat]`: what the packet filter denies, and the few holes in it.

use std::path::PathBuf;

use ipnet::IpNet;

use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::reader::{folder, schema};
use crate::types::cidr;
use crate::{Hole, Invalid};

/// What members of an open network may not reach, and the exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moat {
    /// Denied destinations; `SpecialPurpose` and `OnLink` are always among them.
    pub deny: Vec<Deny>,
    /// What becomes of a packet that is denied.
    pub refuse: Refuse,
    /// Exceptions: one network, one address, one port, one protocol each.
    pub allow: Vec<Hole>,
}

/// What becomes of a packet that is denied. It is counted in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refuse {
    /// It vanishes: who asks waits for a time-out.
    Drop,
    /// A member's own packet is answered: a reset, or "administratively prohibited".
    #[default]
    Reject,
}

const REFUSALS: [(&str, Refuse); 2] = [("drop", Refuse::Drop), ("reject", Refuse::Reject)];

/// One denied group of destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deny {
    /// Every block of the IANA special-purpose registries: `special_purpose()`.
    SpecialPurpose,
    /// Every connected prefix of the host outside the guarded bridges, followed as it changes.
    OnLink,
    /// One range of addresses; host bits are zero.
    Net(IpNet),
    /// A file of ranges, absolute path; read it with the `blocklist` module.
    File(PathBuf),
}

const SPECIAL_PURPOSE: &str = "special-purpose";
const ON_LINK: &str = "on-link";

pub(crate) fn read(section: &Section<'_>) -> Option<Moat> {
    let deny = section.or("deny", vec![Deny::SpecialPurpose, Deny::OnLink], |value| {
        let deny = value.each(read_deny)?;
        complete(value, deny)
    });
    let allow = section.or("allow", Vec::new(), |value| value.each(Value::parsed::<Hole>));
    let refuse = section.or("refuse", Refuse::default(), |value| value.word(&REFUSALS));
    Some(Moat { deny: deny?, refuse: refuse?, allow: allow? })
}

/// The promise of the moat is "the LAN and the host never": a policy cannot take that back.
fn complete(value: &Value<'_>, deny: Vec<Deny>) -> Option<Vec<Deny>> {
    let lacking = [(SPECIAL_PURPOSE, Deny::SpecialPurpose), (ON_LINK, Deny::OnLink)]
        .into_iter()
        .find(|(_, group)| !deny.contains(group));
    match lacking {
        Some((name, _)) => value.refuse(
            format!("the group {name:?} is missing: without it the LAN is within reach"),
            format!("add {name:?}; for exceptions, see moat.allow"),
        ),
        None => Some(deny),
    }
}

fn read_deny(value: &Value<'_>) -> Option<Deny> {
    let text = value.text()?;
    match text {
        SPECIAL_PURPOSE => Some(Deny::SpecialPurpose),
        ON_LINK => Some(Deny::OnLink),
        _ if is_range(text) => value.accept(cidr::parse(text)).map(Deny::Net),
        _ if is_file(text) => folder::read(value).map(Deny::File),
        _ => value.accept(Err(unknown(text))),
    }
}

/// Whether a range was meant, be it well written or not.
fn is_range(text: &str) -> bool {
    let v4 = text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b"./".contains(&b));
    let v6 = text.contains(':') && text.bytes().all(|b| b.is_ascii_hexdigit() || b":./".contains(&b));
    v4 || v6
}

/// Whether a file was meant. That it exists is not asked here: the policy is also read where only
/// some of its files are, such as in a container.
fn is_file(text: &str) -> bool {
    const ENDINGS: [&str; 4] = [".txt", ".netset", ".list", ".cidr"];
    text.contains('/') || ENDINGS.iter().any(|ending| text.ends_with(ending))
}

fn unknown(text: &str) -> Invalid {
    let mend = match schema::nearest(text, [SPECIAL_PURPOSE, ON_LINK].into_iter()) {
        Some(group) => format!("did you mean {group:?}?"),
        None => format!(
            "write {SPECIAL_PURPOSE:?}, {ON_LINK:?}, a range such as \"198.51.100.0/24\", or a file such as \"./blocklist.txt\""
        ),
    };
    Invalid::new(format!("{} is no group, range or file", quoted(text)), mend)
}
