//! What of the host, and of secrets, is within the container's reach, and who reaches the container.

use std::net::IpAddr;
use std::path::Path;

use record::Severity::{Critical, High};

use super::control::{Control, RECREATE, Verdict, listed};
use super::facts::{Facts, Mounted, Subject};
use super::leak;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-5.32",
        "can't reach a container engine",
        Critical,
        "remove the mount of the engine's socket or its folder; scripts/up",
        sockets,
    ),
    Control::new(
        "cis-docker-5.6",
        "has no sensitive folder of the host",
        Critical,
        "remove the mount; scripts/up",
        sensitive,
    ),
    Control::new(
        "cellblock-mounts",
        "has the mounts of the policy, and no other of the host's",
        High,
        RECREATE,
        mounts,
    ),
    Control::new(
        "cis-docker-5.20",
        "passes no mounts on to the host",
        High,
        "propagation: rprivate; scripts/up",
        propagation,
    ),
    Control::new(
        "cis-docker-5.14",
        "is published on loopback only",
        Critical,
        "publish on 127.0.0.1; for access from elsewhere use Tailscale or SSH on the host",
        loopback,
    ),
    Control::new("cellblock-ports", "publishes what the policy says, and nothing else", High, RECREATE, ports),
    Control::new(
        "cellblock-env-secret",
        "has no secret in its environment, command line, labels, health check or host name",
        High,
        "sandboxctl secret put SECRET, and take it out of the environment",
        secrets,
    ),
];

const SOCKETS: &[&str] = &["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock"];

/// Folders that hold such sockets, or that do not belong into any container.
const SENSITIVE: &[&str] = &[
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/log",
    "/var/run",
    "/var/spool",
];

fn binds(subject: &Subject) -> Option<impl Iterator<Item = &Mounted>> {
    Some(subject.facts.mounts.as_ref()?.iter().filter(|mount| mount.kind == "bind"))
}

/// Why the audit says nothing of the mounts.
pub(crate) const UNTOLD: &str = "the mounts could not be told: by the engine, or by the kernel";

/// Sources of mounts that are an engine's socket, or any folder above one; `None` where the mounts could not be told.
pub(crate) fn engine_sockets(facts: &Facts) -> Option<Vec<String>> {
    let binds = facts.mounts.as_ref()?.iter().filter(|mount| mount.kind == "bind");
    let found = binds.filter(|mount| {
        let name = mount.source.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        SOCKETS.contains(&name)
            || facts.sockets.contains(&mount.source)
            || ["/run/docker", "/run/containerd"].iter().any(|at| Path::new(at).starts_with(&mount.source))
    });
    Some(found.map(|mount| mount.source.display().to_string()).collect())
}

fn sockets(subject: &Subject) -> Verdict {
    match engine_sockets(&subject.facts) {
        Some(found) => Verdict::none_of("no engine's socket", &found),
        None => Verdict::untold(UNTOLD),
    }
}

fn sensitive(subject: &Subject) -> Verdict {
    let Some(binds) = binds(subject) else { return Verdict::untold(UNTOLD) };
    let found: Vec<String> = binds
        .filter(|mount| !subject.expect.wants(mount))
        .filter(|mount| {
            SENSITIVE.iter().any(|at| mount.source.starts_with(at) || Path::new(at).starts_with(&mount.source))
        })
        .map(|mount| mount.source.display().to_string())
        .collect();
    Verdict::none_of("none", &found)
}

fn mounts(subject: &Subject) -> Verdict {
    let Some(binds) = binds(subject) else { return Verdict::untold(UNTOLD) };
    let show = |(target, source, writable): &(String, std::path::PathBuf, bool)| {
        format!("{} on {target}{}", source.display(), if *writable { "" } else { ", read-only" })
    };
    let found: std::collections::BTreeSet<_> =
        binds.map(|mount| (mount.target.clone(), mount.source.clone(), mount.writable)).collect();
    Verdict::when(
        found == subject.expect.binds,
        listed(subject.expect.binds.iter().map(show)),
        listed(found.iter().map(show)),
    )
}

fn propagation(subject: &Subject) -> Verdict {
    let Some(binds) = binds(subject) else { return Verdict::untold(UNTOLD) };
    let found: Vec<String> = binds
        .filter(|mount| matches!(mount.propagation.as_str(), "shared" | "rshared"))
        .map(|mount| format!("{} ({})", mount.target, mount.propagation))
        .collect();
    Verdict::none_of("none shared", &found)
}

fn loopback(subject: &Subject) -> Verdict {
    let wide = subject
        .facts
        .published
        .iter()
        .filter(|(address, _)| !address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()));
    let mut found: Vec<String> =
        wide.map(|(address, port)| format!("{}:{port}", if address.is_empty() { "*" } else { address })).collect();
    if subject.facts.host.publish_all_ports == Some(true) {
        found.push("all ports".to_owned());
    }
    Verdict::none_of("loopback only", &found)
}

fn ports(subject: &Subject) -> Verdict {
    let show = |(address, port): &(String, String)| format!("{address}:{port}");
    let wanted: Vec<String> = subject.expect.publishes.iter().map(show).collect();
    let found: Vec<String> = subject.facts.published.iter().map(show).collect();
    Verdict::when(wanted == found, listed(&wanted), listed(&found))
}

/// The record has names and places, never values.
fn secrets(subject: &Subject) -> Verdict {
    leak::verdict(&subject.facts.leaks)
}
