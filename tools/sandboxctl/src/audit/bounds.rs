//! Everything that can grow has a bound.

use engine::models::{HostConfig, MountType, RestartPolicyNameEnum};
use record::Severity::{High, Low, Medium};

use super::control::{Control, RECREATE, Verdict, listed};
use super::facts::Subject;

/// The controls.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new("cis-docker-5.11", "has a limit on memory, the policy's where it sets one", High, RECREATE, memory),
    Control::new(
        "cis-docker-5.12",
        "has a limit on processor time, the policy's where it sets one",
        Medium,
        RECREATE,
        processors,
    ),
    Control::new(
        "cis-docker-5.29",
        "has a limit on processes, the policy's where it sets one",
        High,
        RECREATE,
        processes,
    ),
    Control::new(
        "cellblock-oom",
        "may be killed when memory is short",
        Medium,
        "remove oom_kill_disable; scripts/up",
        killable,
    ),
    Control::new(
        "cellblock-log-bound",
        "has a log that can't fill the disk",
        Medium,
        "logging: json-file with max-size; scripts/up",
        log,
    ),
    Control::new(
        "cellblock-tmpfs-bound",
        "has no tmpfs without a size, or with set-uid files or devices",
        Medium,
        "tmpfs: PATH:size=…,nosuid,nodev; scripts/up",
        tmpfs,
    ),
    Control::new(
        "cellblock-restart",
        "does not start by itself before the moat is loaded",
        High,
        "restart: \"no\"; scripts/up",
        restart,
    ),
    Control::new(
        "cellblock-core-dumps",
        "leaves no core dumps with memory in them",
        Low,
        "ulimits: core: 0; scripts/up",
        core_dumps,
    ),
];

/// The policy's own limit excludes swap beyond it.
fn memory(subject: &Subject) -> Verdict {
    let host = &subject.facts.host;
    let (Some(memory), Some(swap)) = (host.memory, host.memory_swap) else {
        return Verdict::untold("the engine did not tell the limit on memory");
    };
    let found = format!("{memory} bytes, {swap} with swap");
    match subject.expect.limits {
        Some((wanted, _, _)) => {
            Verdict::when(memory == wanted && swap == wanted, format!("{wanted} bytes, {wanted} with swap"), found)
        }
        None => Verdict::when(memory > 0, "a limit", found),
    }
}

/// The limit on processor time, in billionths of a processor; zero is none. Docker keeps `--cpus` so, and `--cpu-quota`
/// as microseconds of a period (100 ms unless said).
pub(crate) fn billionths(host: &HostConfig) -> Option<i64> {
    let quota = host.cpu_quota.unwrap_or(0).max(0);
    let period = host.cpu_period.filter(|period| *period > 0).unwrap_or(100_000);
    host.nano_cpus.map(|nano| if nano > 0 { nano } else { quota.saturating_mul(1_000_000_000) / period })
}

fn processors(subject: &Subject) -> Verdict {
    let Some(nano) = billionths(&subject.facts.host) else {
        return Verdict::untold("the engine did not tell the limit on processor time");
    };
    match subject.expect.limits {
        Some((_, wanted, _)) => Verdict::same(&format!("{wanted} billionths"), &format!("{nano} billionths")),
        None => Verdict::when(nano > 0, "a limit", format!("{nano} billionths")),
    }
}

/// Docker says "no limit" in three ways: null, 0 and -1.
fn processes(subject: &Subject) -> Verdict {
    let found = subject.facts.host.pids_limit.unwrap_or(0);
    match subject.expect.limits {
        Some((_, _, wanted)) => Verdict::same(&wanted, &found),
        None => Verdict::when(found > 0, "a limit", if found > 0 { found.to_string() } else { "none".to_owned() }),
    }
}

fn killable(subject: &Subject) -> Verdict {
    let spared = subject.facts.host.oom_kill_disable == Some(true);
    Verdict::when(!spared, "killable", if spared { "spared" } else { "killable" })
}

/// `local` is bounded by default (five files of 20 MB); of the drivers that write elsewhere nothing is known here.
fn log(subject: &Subject) -> Verdict {
    let Some(config) = &subject.facts.host.log_config else {
        return Verdict::untold("the engine did not tell the log driver");
    };
    let driver = config.typ.as_deref().unwrap_or_default();
    let size = config.config.as_ref().and_then(|options| options.get("max-size"));
    let expected = "json-file with max-size, local, or none";
    match (driver, size) {
        ("none" | "local", _) => Verdict::holds(driver),
        ("json-file", Some(size)) => Verdict::when(size != "-1", expected, format!("json-file, max-size {size}")),
        ("json-file", None) => Verdict::differs(expected, "json-file without max-size"),
        (other, _) => Verdict::differs(expected, other),
    }
}

fn tmpfs(subject: &Subject) -> Verdict {
    let plain = subject.facts.host.tmpfs.iter().flatten().filter(|(_, options)| {
        let has = |word: &str| options.split(',').any(|option| option == word);
        let sized = options.split(',').any(|option| option.starts_with("size="));
        // Docker adds nosuid and nodev by itself; only the opposite, said aloud, takes them away.
        !sized || has("suid") || has("dev")
    });
    let mut loose: Vec<String> = plain.map(|(path, options)| format!("{path} ({options})")).collect();
    let mounts = subject.facts.host.mounts.iter().flatten().filter(|mount| mount.typ == Some(MountType::TMPFS));
    let unsized_mounts =
        mounts.filter(|mount| mount.tmpfs_options.as_ref().is_none_or(|tmpfs| tmpfs.size_bytes.is_none()));
    loose.extend(unsized_mounts.map(|mount| mount.target.clone().unwrap_or_default()));
    loose.sort();
    Verdict::none_of("a size for each", &loose)
}

fn restart(subject: &Subject) -> Verdict {
    let name = subject.facts.host.restart_policy.as_ref().and_then(|policy| policy.name);
    match name {
        None => Verdict::untold("the engine did not tell the restart policy"),
        Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO) => Verdict::holds("no"),
        Some(other) => Verdict::differs("no", other),
    }
}

fn core_dumps(subject: &Subject) -> Verdict {
    let limits = subject.facts.host.ulimits.iter().flatten();
    let core: Vec<String> = limits
        .filter(|limit| limit.name.as_deref() == Some("core"))
        .map(|limit| format!("{} of {}", limit.soft.unwrap_or(-1), limit.hard.unwrap_or(-1)))
        .collect();
    Verdict::when(core == ["0 of 0"], "0 of 0", listed(&core))
}
