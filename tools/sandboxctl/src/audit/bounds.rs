//! Everything that can grow has a bound.

use engine::models::{HostConfig, ResourcesUlimits, RestartPolicyNameEnum};
use record::Severity::{High, Low, Medium};

use super::control::{Control, Verdict, listed};
use super::facts::Subject;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-5.11",
        "has a limit on memory, the policy's where it sets one",
        High,
        "mem_limit and memswap_limit, the same for both; scripts/up",
        memory,
    ),
    Control::new(
        "cis-docker-5.12",
        "has a limit on processor time, the policy's where it sets one",
        Medium,
        "cpus: a limit; scripts/up",
        processors,
    ),
    Control::new(
        "cis-docker-5.29",
        "has a limit on processes, the policy's where it sets one",
        High,
        "pids_limit: a limit; scripts/up",
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
        "cellblock-restart",
        "does not start by itself before the moat is loaded",
        High,
        "restart: \"no\"; scripts/up",
        restart,
    ),
    Control::new(
        "cis-docker-5.15",
        "is not started again without end",
        Medium,
        "restart: \"on-failure:5\" at most; scripts/up",
        restart_bound,
    ),
    Control::new(
        "cellblock-core-dumps",
        "leaves no core dumps with memory in them",
        Low,
        "ulimits: core: 0; scripts/up",
        core_dumps,
    ),
];

const BILLION: i64 = 1_000_000_000;

/// The policy's own limit excludes swap beyond it; any other must do so too, and be within the ceiling and less than
/// the machine has.
fn memory(subject: &Subject) -> Verdict {
    let host = &subject.facts.host;
    let (Some(memory), Some(swap)) = (host.memory, host.memory_swap) else {
        return Verdict::untold("the engine did not tell the limit on memory");
    };
    let found = format!("{memory} bytes, {swap} with swap");
    let most = subject.expect.most.memory.min(subject.engine.memory.map_or(i64::MAX, |whole| whole - 1));
    match subject.expect.limits {
        Some((wanted, _, _)) => {
            Verdict::when(memory == wanted && swap == wanted, format!("{wanted} bytes, {wanted} with swap"), found)
        }
        None => Verdict::when(
            (1..=most).contains(&memory) && swap == memory,
            format!("a limit of {most} bytes at most, and the same with swap"),
            found,
        ),
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
    let whole = subject.engine.processors.unwrap_or(i64::MAX / BILLION).saturating_mul(BILLION);
    let most = subject.expect.most.processors.min(whole);
    match subject.expect.limits {
        Some((_, wanted, _)) => Verdict::same(&format!("{wanted} billionths"), &format!("{nano} billionths")),
        None => Verdict::when(
            (1..=most).contains(&nano),
            format!("a limit of {most} billionths at most"),
            format!("{nano} billionths"),
        ),
    }
}

/// Docker says "no limit" in three ways: null, 0 and -1.
fn processes(subject: &Subject) -> Verdict {
    let found = subject.facts.host.pids_limit.unwrap_or(0);
    let most = subject.expect.most.processes;
    match subject.expect.limits {
        Some((_, _, wanted)) => Verdict::same(&wanted, &found),
        None => Verdict::when(
            (1..=most).contains(&found),
            format!("a limit of {most} at most"),
            if found > 0 { found.to_string() } else { "none".to_owned() },
        ),
    }
}

fn killable(subject: &Subject) -> Verdict {
    let host = &subject.facts.host;
    match (host.oom_kill_disable == Some(true), host.oom_score_adj) {
        (true, _) => Verdict::differs("killable", "spared"),
        (_, None) => Verdict::untold("the engine did not tell when the kernel would end it for want of memory"),
        (_, Some(last @ ..0)) => Verdict::differs("killable, and not last", format!("oom_score_adj {last}")),
        _ => Verdict::holds("killable"),
    }
}

fn restart(subject: &Subject) -> Verdict {
    let name = subject.facts.host.restart_policy.as_ref().and_then(|policy| policy.name);
    match name {
        None => Verdict::untold("the engine did not tell the restart policy"),
        Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO) => Verdict::holds("no"),
        Some(other) => Verdict::differs("no", other),
    }
}

/// The benchmark's number. A container that fails five times in a row will not do better the sixth time.
const MOST_RESTARTS: i64 = 5;

fn restart_bound(subject: &Subject) -> Verdict {
    let policy = subject.facts.host.restart_policy.as_ref();
    let expected = format!("no, or on-failure with {MOST_RESTARTS} at most");
    match policy.and_then(|policy| Some((policy.name?, policy.maximum_retry_count.unwrap_or(0)))) {
        None => Verdict::untold("the engine did not tell the restart policy"),
        Some((RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO, _)) => Verdict::holds("no"),
        Some((RestartPolicyNameEnum::ON_FAILURE, most)) => Verdict::when(
            (1..=MOST_RESTARTS).contains(&most),
            expected,
            format!("on-failure, {most} times (0: without end)"),
        ),
        Some((other, _)) => Verdict::differs(expected, other),
    }
}

/// A limit of setrlimit(2) by its plain name: `core`, which Podman calls `RLIMIT_CORE`.
pub(super) fn limit_name(limit: &ResourcesUlimits) -> Option<String> {
    let name = limit.name.as_deref()?.to_ascii_lowercase();
    Some(name.strip_prefix("rlimit_").unwrap_or(&name).to_owned())
}

fn core_dumps(subject: &Subject) -> Verdict {
    let limits = subject.facts.host.ulimits.iter().flatten();
    let core: Vec<String> = limits
        .filter(|limit| limit_name(limit).as_deref() == Some("core"))
        .map(|limit| format!("{} of {}", limit.soft.unwrap_or(-1), limit.hard.unwrap_or(-1)))
        .collect();
    Verdict::when(core == ["0 of 0"], "0 of 0", listed(&core))
}
