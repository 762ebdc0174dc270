//! The engine that all of it rests on.

use ipnet::IpNet;
use record::Severity::{High, Low, Medium};

use super::control::{Control, Verdict, listed};
use super::facts::Engine;
use super::tailscale;
use engine::Version;

/// Below it, the engine forwards DNS out of internal networks: CVE-2024-29018.
const FLOOR: Version = Version::new(25, 0, 5);

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Engine>] = &[
    Control {
        weakness: Some("CVE-2024-29018"),
        ..Control::new(
            "cellblock-engine-version",
            "does not forward DNS out of internal networks",
            High,
            "install Docker 25.0.5 or newer",
            version,
        )
    },
    Control::new(
        "cellblock-engine-limits",
        "can enforce limits on memory, swap, processors and processes",
        High,
        "mount the cgroup controllers (kernel parameters cgroup_enable=memory swapaccount=1)",
        limits,
    ),
    Control::new(
        "cellblock-engine-seccomp",
        "has seccomp",
        High,
        "a kernel with CONFIG_SECCOMP_FILTER, and no seccomp-profile=unconfined in daemon.json",
        seccomp,
    ),
    Control::new(
        "cellblock-engine-modules",
        "tells which security modules confine its containers",
        Low,
        "ask again: docker info",
        modules,
    ),
    Control::new("cis-docker-5.1", "is in no swarm", Medium, "docker swarm leave --force", swarm),
    Control::new(
        "cis-docker-2.5",
        "takes images from no insecure registry",
        Medium,
        "remove insecure-registries from daemon.json",
        registries,
    ),
    tailscale::CONTROL,
];

fn version(engine: &Engine) -> Verdict {
    match engine.version {
        // Other engines count their versions otherwise, and have weaknesses of their own.
        _ if engine.is_docker() == Some(false) => Verdict::NotApplicable,
        _ if engine.is_docker().is_none() => Verdict::untold("the engine did not tell which product it is"),
        Some(version) => Verdict::when(version >= FLOOR, format!("{FLOOR} or newer"), version),
        None => Verdict::untold("the engine did not tell its version"),
    }
}

fn limits(engine: &Engine) -> Verdict {
    match &engine.unenforced {
        Some(unable) => Verdict::when(
            unable.is_empty(),
            "all of them",
            if unable.is_empty() { "all of them".to_owned() } else { format!("not: {}", listed(unable)) },
        ),
        None => Verdict::untold("the engine did not tell which limits it can enforce"),
    }
}

fn seccomp(engine: &Engine) -> Verdict {
    match (&engine.security, engine.module("seccomp")) {
        (None, _) => Verdict::untold("the engine did not tell its security options"),
        (Some(_), Some(module)) => Verdict::when(!module.contains("unconfined"), "a default profile", module),
        (Some(_), None) => Verdict::differs("a default profile", "no seccomp"),
    }
}

/// One that is missing is told as such; a kernel without it is no deviation from the policy.
fn modules(engine: &Engine) -> Verdict {
    if engine.security.is_none() {
        return Verdict::untold("the engine did not tell its security options");
    }
    let told = [("seccomp", "seccomp"), ("apparmor", "AppArmor"), ("selinux", "SELinux")]
        .map(|(name, word)| format!("{}{word}", if engine.module(name).is_some() { "" } else { "no " }));
    Verdict::holds(listed(told))
}

fn swarm(engine: &Engine) -> Verdict {
    match engine.swarm.as_deref() {
        Some(state) => Verdict::when(matches!(state, "inactive" | ""), "inactive", state),
        None => Verdict::untold("the engine did not tell whether it is in a swarm"),
    }
}

/// No registry may be insecure but loopback, which Docker always lists.
fn registries(engine: &Engine) -> Verdict {
    let Some(ranges) = &engine.insecure_registries else {
        return Verdict::untold("the engine did not tell its registries");
    };
    let is_loopback = |range: &&String| range.parse::<IpNet>().is_ok_and(|net| net.network().is_loopback());
    let others: Vec<String> = ranges.iter().filter(|range| !is_loopback(range)).cloned().collect();
    Verdict::none_of("none but loopback", &others)
}
