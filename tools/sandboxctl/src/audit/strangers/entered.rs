//! Namespaces by inode: a process of a stranger's that is in one of ours, or of the host's, whatever Docker was told.

use engine::Namespaces;

use super::super::facts::Facts;
use super::composition::Composition;

/// The host's namespaces, and those of the first process of each of ours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Host {
    /// Those of process 1, and our own: some virtual machines do not let us read those of process 1.
    pub(crate) spaces: Vec<Namespaces>,
    pub(crate) ours: Vec<(String, Namespaces)>,
}

/// What people call a kind of namespace.
fn word(kind: &str) -> &str {
    match kind {
        "net" => "network",
        "mnt" => "mount",
        other => other,
    }
}

/// The namespaces that its processes entered without leave. Of a kind that `declared` names Docker told already.
pub(super) fn entered(one: &Facts, composition: &Composition, declared: &[String]) -> Vec<String> {
    let spaces = one.spaces.iter().flatten().flatten();
    let told = |kind: &str| declared.iter().any(|way| way.contains(&format!("{} namespace", word(kind))));
    let new = spaces.filter(|(kind, _)| !told(kind));
    new.filter_map(|(kind, link)| {
        let has = |spaces: &Namespaces| spaces.get(kind) == Some(link);
        if composition.host.spaces.iter().any(has) {
            return Some(format!("the host's {} namespace, by a process that entered it", word(kind)));
        }
        let owners: Vec<&str> =
            composition.host.ours.iter().filter(|(_, spaces)| has(spaces)).map(|(name, _)| name.as_str()).collect();
        let named =
            || format!("the {} namespace of {}, by a process that entered it", word(kind), owners.join(" and "));
        (!owners.is_empty()).then(named)
    })
    .collect()
}
