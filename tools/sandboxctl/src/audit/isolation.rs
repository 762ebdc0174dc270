//! Which of the host's, or of others', namespaces the container shares.

use std::collections::BTreeSet;
use std::net::IpAddr;

use record::Severity::{Critical, High, Medium};

use super::control::{Control, RECREATE, Verdict, listed};
use super::expect::NetworkNamespace;
use super::facts::{Life, Subject};

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-5.10",
        "does not share the host's network",
        Critical,
        "remove network_mode: host; scripts/up",
        host_network,
    ),
    Control::new("cis-docker-5.16", "has processes of its own", Critical, "remove pid; scripts/up", processes),
    Control::new("cis-docker-5.17", "has shared memory of its own", High, "ipc: private; scripts/up", shared_memory),
    Control::new("cis-docker-5.21", "has a host name of its own", Medium, "remove uts: host; scripts/up", host_name),
    Control::new(
        "cis-docker-5.31",
        "does not ask for the host's user namespace",
        High,
        "remove userns_mode: host; scripts/up",
        users,
    ),
    Control::new(
        "cellblock-cgroup-namespace",
        "has a cgroup namespace of its own",
        Medium,
        "cgroup: private; scripts/up",
        cgroups,
    ),
    Control::new(
        "cis-docker-5.30",
        "is not on Docker's default bridge",
        High,
        "put it on a network of its own, or on none",
        default_bridge,
    ),
    Control::new(
        "cellblock-networks",
        "is on the networks of the policy and on no other",
        Critical,
        RECREATE,
        networks,
    ),
    Control::new(
        "cellblock-dns",
        "asks resolvers of the policy, not the host's",
        High,
        "dns: resolvers of the policy, not the host's; scripts/up",
        dns,
    ),
];

fn mode(kind: &str, found: Option<&String>, allowed: &[&str]) -> Verdict {
    match found.map(String::as_str) {
        None => Verdict::untold(format!("the engine did not tell the {kind} mode")),
        Some(mode) => Verdict::when(allowed.contains(&mode), "private", if mode.is_empty() { "private" } else { mode }),
    }
}

fn host_network(subject: &Subject) -> Verdict {
    match subject.facts.host.network_mode.as_deref() {
        None => Verdict::untold("the engine did not tell the network mode"),
        Some(mode) => Verdict::when(mode != "host", "another", mode),
    }
}

fn processes(subject: &Subject) -> Verdict {
    mode("pid", subject.facts.host.pid_mode.as_ref(), &["", "private"])
}

fn shared_memory(subject: &Subject) -> Verdict {
    mode("ipc", subject.facts.host.ipc_mode.as_ref(), &["", "private", "none"])
}

fn host_name(subject: &Subject) -> Verdict {
    mode("uts", subject.facts.host.uts_mode.as_ref(), &["", "private"])
}

fn users(subject: &Subject) -> Verdict {
    mode("user namespace", subject.facts.host.userns_mode.as_ref(), &["", "private"])
}

/// Under cgroup v1 Docker has no such namespace to give.
fn cgroups(subject: &Subject) -> Verdict {
    match (subject.engine.cgroup_v2, &subject.facts.host.cgroupns_mode) {
        (Some(false), _) => Verdict::NotApplicable,
        (None, _) => Verdict::untold("the engine did not tell its cgroup version"),
        (Some(true), None) => Verdict::untold("the engine did not tell the cgroup namespace's mode"),
        (Some(true), Some(mode)) => Verdict::when(mode.to_string() != "host", "private", mode),
    }
}

fn default_bridge(subject: &Subject) -> Verdict {
    match (subject.facts.host.network_mode.as_deref(), &subject.facts.networks) {
        (None, _) => Verdict::untold("the engine did not tell the network mode"),
        // Podman calls every bridge so: which network it is, its id tells.
        (Some("bridge"), Some(networks)) if subject.engine.is_docker() == Some(false) => podman_s(subject, networks),
        (Some("default" | "bridge"), _) => Verdict::differs("another network", "bridge"),
        (Some(_), None) => Verdict::untold("the engine did not tell the networks"),
        (Some(_), Some(networks)) => Verdict::when(!networks.contains("bridge"), "another network", listed(networks)),
    }
}

/// Its settings give the default network a name, so a name other than `podman` says nothing. Podman 4 has names in the
/// place of ids.
fn podman_s(subject: &Subject, networks: &BTreeSet<String>) -> Verdict {
    let ids = &subject.facts.network_ids;
    let told = |id: &&String| ids.len() == networks.len() && ids.is_disjoint(networks) && id.len() == ID;
    match subject.engine.default_network.as_ref().filter(told) {
        Some(id) => Verdict::when(!ids.contains(id), "another network", listed(networks)),
        None if networks.contains("podman") => Verdict::differs("another network", listed(networks)),
        None => Verdict::untold("the engine did not tell which network is its default one"),
    }
}

/// So many letters has the id of a network.
const ID: usize = 64;

fn networks(subject: &Subject) -> Verdict {
    let (Some(mode), Some(found)) = (subject.facts.host.network_mode.as_deref(), &subject.facts.networks) else {
        return Verdict::untold("the engine did not tell the networks");
    };
    let guest_of = mode.strip_prefix("container:");
    match &subject.expect.network_namespace {
        NetworkNamespace::Nowhere => Verdict::when(mode == "none", "none", mode),
        NetworkNamespace::Of(None) => Verdict::untold("there is no vault whose network namespace it could live in"),
        NetworkNamespace::Of(Some(vault)) if guest_of == Some(&vault.id) => in_this_life(subject, vault),
        NetworkNamespace::Of(Some(_)) => Verdict::differs("the vault's network namespace", mode),
        NetworkNamespace::Own(wanted) => {
            Verdict::when(found == wanted && guest_of.is_none(), listed(wanted), listed(found))
        }
        NetworkNamespace::AwayFrom(guarded) => {
            let theirs: Vec<String> = found.intersection(guarded).cloned().collect();
            match guest_of {
                Some(_) => Verdict::differs("a network namespace of its own", mode),
                None => Verdict::none_of("none of the policy's: it is no part of it", &theirs),
            }
        }
    }
}

/// A vault that was started again has a new namespace; a cell that it left behind is still in the old one, and says the
/// same of itself. What guards the new one guards nothing there.
fn in_this_life(subject: &Subject, vault: &Life) -> Verdict {
    let expected = "the vault's network namespace";
    match (subject.facts.started, vault.started) {
        _ if subject.facts.running == Some(false) => Verdict::differs(expected, "stopped"),
        (Some(cell), Some(vault)) if cell < vault => {
            Verdict::differs(expected, "the one the vault had before it was started again")
        }
        (Some(_), Some(_)) => Verdict::holds(expected),
        _ => Verdict::untold("the engine did not tell when they were started"),
    }
}

/// Without explicit resolvers, Docker's own asks from the host's namespace, where no rule of the moat stands.
fn dns(subject: &Subject) -> Verdict {
    let found: std::collections::BTreeSet<String> = subject.facts.host.dns.iter().flatten().cloned().collect();
    match (&subject.expect.network_namespace, &subject.expect.service) {
        (NetworkNamespace::Of(_) | NetworkNamespace::Nowhere, _) => Verdict::NotApplicable,
        (_, None) if subject.facts.host.network_mode.as_deref() == Some("none") => Verdict::NotApplicable,
        (_, None) => {
            // The host's own name server, or one that the container has to itself: neither is one of the network's.
            let own = |address: &String| address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            Verdict::when(!found.is_empty() && !found.iter().any(own), "explicit resolvers elsewhere", listed(&found))
        }
        (_, Some(_)) => Verdict::when(found == subject.expect.dns, listed(&subject.expect.dns), listed(&found)),
    }
}
