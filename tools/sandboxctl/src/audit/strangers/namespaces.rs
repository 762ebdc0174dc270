//! Namespaces that a stranger shares with the host, or with one of ours: directly, or through any number of others.

use super::super::facts::Facts;
use super::composition::Composition;

/// A kind of namespace, and the setting by which Docker chooses one.
type Kind = (&'static str, fn(&Facts) -> Option<&str>);

const KINDS: [Kind; 3] = [
    ("network", |one| one.host.network_mode.as_deref()),
    ("pid", |one| one.host.pid_mode.as_deref()),
    ("ipc", |one| one.host.ipc_mode.as_deref()),
];

/// Where a chain of `container:` ends.
struct End<'a> {
    /// The last container of it; the first one, where there is no chain.
    last: &'a Facts,
    /// The containers between, and the last one.
    links: Vec<&'a Facts>,
}

/// Every way through a namespace.
pub(super) fn shared(one: &Facts, all: &[&Facts], composition: &Composition) -> Vec<String> {
    KINDS.iter().flat_map(|kind| of_kind(kind, one, all, composition)).collect()
}

fn of_kind((word, mode): &Kind, one: &Facts, all: &[&Facts], composition: &Composition) -> Vec<String> {
    let End { last, links } = end(one, all, *mode);
    if let Some((at, ours)) = links.iter().enumerate().find(|(_, link)| composition.name(&link.id).is_some()) {
        return vec![format!("the {word} namespace of {}{}", ours.name, through(links.get(..at).unwrap_or_default()))];
    }
    if mode(last) == Some("host") {
        return vec![format!("the host's {word} namespace{}", through(&links))];
    }
    // Networks belong to the network namespace alone.
    let networks =
        last.networks.iter().flatten().filter(|name| *word == "network" && composition.networks.contains(*name));
    networks.map(|name| format!("the network {name}{}", through(&links))).collect()
}

/// Names the containers between a stranger and what it reaches.
fn through(links: &[&Facts]) -> String {
    let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(", through {}", names.join(" and ")) }
}

/// Follows `container:` as far as it goes. A circle, and a container that is gone, end it.
fn end<'a>(one: &'a Facts, all: &[&'a Facts], mode: fn(&Facts) -> Option<&str>) -> End<'a> {
    let mut end = End { last: one, links: Vec::new() };
    while let Some(named) = mode(end.last).and_then(|mode| mode.strip_prefix("container:")) {
        let next = all.iter().find(|other| !named.is_empty() && (other.id.starts_with(named) || other.name == named));
        let Some(next) = next.filter(|next| end.links.iter().all(|link| link.id != next.id)) else { break };
        end.links.push(next);
        end.last = next;
    }
    end
}
