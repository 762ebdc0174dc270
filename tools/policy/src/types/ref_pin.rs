//! `repo.pins`: what a ref must point to, from the first round on.

use globset::GlobSet;

use crate::reader::invalid::quoted;
use crate::reader::value::Value;

/// A ref and the only object that it may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPin {
    /// The full name, such as `refs/tags/v1.2.3`.
    pub name: String,
    /// The object's id: 40 or 64 hex digits in lower case. Of an annotated tag, the tag's own or that of what it names.
    pub id: String,
}

impl RefPin {
    /// Does a ref that points here hold to it? `peeled` is what stands behind an annotated tag.
    pub fn holds(&self, id: &str, peeled: Option<&str>) -> bool {
        id == self.id || peeled == Some(self.id.as_str())
    }
}

/// `{ "v1.2.3" = "0123…" }`; a name that does not begin with `refs/` is a tag's.
pub(crate) fn read(value: &Value<'_>) -> Option<Vec<RefPin>> {
    let mut pins: Vec<RefPin> = Vec::new();
    let mut sound = true;
    for (name, id) in value.entries()? {
        let place = value.child(name.get_ref(), name.span(), id.get_ref());
        match pin(name.get_ref(), &value.child(name.get_ref(), id.span(), id.get_ref())) {
            Some(pin) if pins.iter().any(|other| other.name == pin.name) => {
                let _: Option<()> = place.refuse(format!("{} is pinned twice", quoted(&pin.name)), "remove one");
                sound = false;
            }
            Some(pin) => pins.push(pin),
            None => sound = false,
        }
    }
    sound.then_some(pins)
}

fn pin(name: &str, value: &Value<'_>) -> Option<RefPin> {
    let id = value.text()?;
    if !matches!(id.len(), 40 | 64) || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return value.refuse(
            format!("{} is no whole object id", quoted(id)),
            "write all 40 (or 64) hex digits in lower case, as `git rev-parse v1.2.3` prints them",
        );
    }
    if name.is_empty() || name.ends_with('/') || name.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c)) {
        return value
            .refuse(format!("{} is no name of a ref", quoted(name)), "write a tag, or a full name: refs/heads/x");
    }
    let name = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/tags/{name}") };
    Some(RefPin { name, id: id.to_owned() })
}

/// The first pinned ref that may move: the two rules contradict each other.
pub(crate) fn contradiction<'p>(pins: &'p [RefPin], moving: &GlobSet) -> Option<&'p str> {
    pins.iter().map(|pin| pin.name.as_str()).find(|name| moving.is_match(name))
}
