//! What a container was given beyond what it needs: of the host's names, ports, groups and limits.

use record::Severity::{Critical, High, Low, Medium};

use super::bounds::limit_name;
use super::control::{Control, Verdict};
use super::facts::{SILENT, Subject};

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-5.8",
        "has none of the host's privileged ports",
        Medium,
        "publish a port from 1024 on; scripts/up",
        privileged_ports,
    ),
    Control::new(
        "cis-docker-5.19",
        "was given no limit on open files or processes that bounds nothing",
        Low,
        "ulimits: nofile: 16384, and no nproc; scripts/up",
        ulimits,
    ),
    Control::new(
        "cis-docker-5.24",
        "has no command running in it as root, unless it is known why",
        High,
        "end the docker exec --user root",
        root_commands,
    ),
    Control::new(
        "cis-docker-5.25",
        "is in the control group that Docker makes for it",
        High,
        "remove cgroup_parent; scripts/up",
        control_group,
    ),
    Control::new(
        "cellblock-groups",
        "is in no group of root's or of an engine's",
        High,
        "remove group_add; scripts/up",
        groups,
    ),
    Control::new(
        "cellblock-host-names",
        "knows no name for the host, and no other container by a link",
        Medium,
        "remove extra_hosts: host-gateway, and links; scripts/up",
        host_names,
    ),
    Control::new(
        "cellblock-engine-address",
        "was told of no container engine on the network",
        Critical,
        "remove DOCKER_HOST from its environment; scripts/up",
        engine_address,
    ),
];

/// The first port that needs no privilege (RFC 6335, system ports).
const UNPRIVILEGED: u16 = 1024;
/// Groups whose members are root in all but name.
pub(super) const ROOT_LIKE: [&str; 8] = ["0", "root", "docker", "podman", "lxd", "incus", "disk", "shadow"];

fn privileged_ports(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let low = |port: &&String| port.parse::<u16>().is_ok_and(|port| (1..UNPRIVILEGED).contains(&port));
    let found: Vec<String> = subject.facts.published.iter().map(|(_, port)| port).filter(low).cloned().collect();
    Verdict::none_of("none below 1024", &found)
}

fn ulimits(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let wide = |name: &str, hard: i64| match name {
        "nofile" => !(0..=subject.expect.most.files).contains(&hard),
        "nproc" => hard < 0,
        _ => false,
    };
    let limits = subject.facts.host.ulimits.iter().flatten();
    let found: Vec<String> = limits
        .filter_map(|limit| Some((limit_name(limit)?, limit.hard.unwrap_or(-1))))
        .filter(|(name, hard)| wide(name, *hard))
        .map(|(name, hard)| format!("{name} {hard}"))
        .collect();
    Verdict::none_of("none without a bound", &found)
}

/// A container that is uid 0 by design has such commands by design.
fn root_commands(subject: &Subject) -> Verdict {
    if subject.expect.root_because.is_some() {
        return Verdict::NotApplicable;
    }
    let root = |user: &str| {
        let name = user.split(':').next().unwrap_or_default();
        name == "root" || name.parse() == Ok(0_u32)
    };
    let found: Vec<String> = subject
        .facts
        .execs
        .iter()
        .filter(|exec| exec.user.as_deref().is_some_and(root))
        .map(|exec| exec.program.clone())
        .collect();
    if found.is_empty() && subject.facts.execs.iter().any(|exec| exec.user.is_none()) {
        return Verdict::untold("the engine did not tell about a command that runs in it");
    }
    Verdict::none_of("none", &found)
}

/// Docker's own place is said as nothing, or as its slice of systemd.
fn control_group(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let parent = subject.facts.host.cgroup_parent.as_deref().unwrap_or_default();
    Verdict::when(
        matches!(parent, "" | "system.slice" | "docker.slice"),
        "Docker's own",
        if parent.is_empty() { "Docker's own" } else { parent },
    )
}

fn groups(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let by_number = |group: &str| group.parse::<u32>().is_ok_and(|id| subject.engine.root_groups.contains(&id));
    let added = subject.facts.host.group_add.iter().flatten().map(String::as_str);
    let root = |group: &str| ROOT_LIKE.contains(&group) || group.parse() == Ok(0_u32);
    let own = subject.facts.user.as_deref().and_then(|user| user.split_once(':')).map(|(_, group)| group);
    // A group of the container's own user is judged with the user, where it is root's.
    let own = own.filter(|group| by_number(group) && !root(group));
    let found: Vec<String> =
        added.filter(|group| root(group) || by_number(group)).chain(own).map(str::to_owned).collect();
    Verdict::none_of("none", &found)
}

fn host_names(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let host = &subject.facts.host;
    let gateways = host.extra_hosts.iter().flatten().filter(|entry| entry.ends_with("host-gateway"));
    let found: Vec<String> = gateways.chain(host.links.iter().flatten()).cloned().collect();
    Verdict::none_of("none", &found)
}

/// The address is not told: it may hold a password.
fn engine_address(subject: &Subject) -> Verdict {
    Verdict::none_of("none", &subject.facts.engines)
}
