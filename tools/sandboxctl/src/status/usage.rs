//! What a service uses of its limits, and which of them held: by the kernel's own counts in its control group
//! (cgroups(7)), read on the host. What the kernel does not tell is left out, never zero.

use std::path::Path;
use std::time::{Duration, Instant};

use engine::Process;
use engine::models::ContainerInspectResponse;
use record::cellblock::Usage;

use crate::audit::in_force::{self, InForce, group_file};
use crate::audit::{fills, short};

/// How long processor time is counted for.
pub(super) const SAMPLE: Duration = Duration::from_millis(250);

/// Billionths of a processor in one.
const WHOLE: u64 = 1_000_000_000;

/// What a container had used of its processor time at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    at: Instant,
    /// Processor time, in billionths of a second.
    time: u64,
    /// How often it had been held back.
    throttled: u64,
}

/// What it has used until now.
pub(super) fn spent(container: &str, first: i64) -> Option<Spent> {
    let stat = group_file(container, first, ("cpu", "cpu.stat", "cpu.stat")).ok()?;
    let throttled = counted(&stat, "nr_throttled").unwrap_or(0);
    let time = counted(&stat, "usage_usec").and_then(|micro| micro.checked_mul(1000));
    let old = || group_file(container, first, ("cpuacct", "cpu.stat", "cpuacct.usage")).ok()?.trim().parse().ok();
    Some(Spent { at: Instant::now(), time: time.or_else(old)?, throttled })
}

/// Of a running container that had used this much `before`, about a [`SAMPLE`] ago.
pub(super) fn look(told: &ContainerInspectResponse, before: Option<Spent>) -> Usage {
    let first = told.state.as_ref().and_then(|state| state.pid).unwrap_or_default();
    let (log, log_limit) = log(told);
    let Some(id) = told.id.as_deref().filter(|_| first > 0) else {
        return Usage { log, log_limit, ..Usage::default() };
    };
    let file = |names| group_file(id, first, names).ok();
    let limits = limits(id, first).unwrap_or_default();
    let limit = |limit: Option<i64>| limit.and_then(|number| u64::try_from(number).ok());
    let number = |names| file(names).and_then(|text| text.trim().parse::<u64>().ok());
    let spent = spent(id, first);
    Usage {
        memory: memory(id, first),
        memory_limit: limit(limits.memory),
        killed: short::kills(id, first).ok(),
        processors: before.zip(spent).and_then(|(before, now)| rate(&before, &now)),
        processors_limit: limit(limits.processors),
        throttled: spent.map(|spent| spent.throttled),
        processes: number(("pids", "pids.current", "pids.current")),
        processes_limit: limit(limits.processes),
        refused: file(("pids", "pids.events", "pids.events")).and_then(|text| counted(&text, "max")),
        log,
        log_limit,
    }
}

/// The limits in the container's control group.
fn limits(id: &str, first: i64) -> anyhow::Result<InForce> {
    in_force::look(&Process::of(id, first)?, &std::fs::read_to_string("/proc/self/mountinfo")?)
}

/// Without the files that were read and not used since: the kernel gives those up before it ends anybody.
fn memory(id: &str, first: i64) -> Option<u64> {
    let file = |names| group_file(id, first, names).ok();
    let all: u64 = file(("memory", "memory.current", "memory.usage_in_bytes"))?.trim().parse().ok()?;
    let stat = file(("memory", "memory.stat", "memory.stat")).unwrap_or_default();
    let idle = counted(&stat, "total_inactive_file").or_else(|| counted(&stat, "inactive_file"));
    Some(all.saturating_sub(idle.unwrap_or(0)))
}

/// By the time that really passed: a busy machine wakes nobody to the minute.
fn rate(before: &Spent, now: &Spent) -> Option<u64> {
    let passed = now.at.saturating_duration_since(before.at).as_nanos();
    let spent = u128::from(now.time.saturating_sub(before.time));
    u64::try_from((spent * u128::from(WHOLE)).checked_div(passed)?).ok()
}

/// The number behind a word at the beginning of a line.
fn counted(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok())
}

/// What Docker keeps of the log in its own folder, and what it keeps at most (json-file: max-size, and one file without
/// max-file).
fn log(told: &ContainerInspectResponse) -> (Option<u64>, Option<u64>) {
    let path = told.log_path.as_deref().filter(|path| !path.is_empty()).map(Path::new);
    let used = path.and_then(|path| beside(path.parent()?, path.file_name()?.to_str()?));
    let config = told.host_config.as_ref().and_then(|host| host.log_config.as_ref()?.config.as_ref());
    let size =
        config.and_then(|config| fills::bytes(config.get("max-size")?)).and_then(|size| u64::try_from(size).ok());
    let files = config.and_then(|config| config.get("max-file")?.parse().ok()).unwrap_or(1u64);
    (used, size.and_then(|size| size.checked_mul(files)))
}

/// The bytes of this file and of those that were put aside: `NAME.1`, `NAME.2`.
fn beside(folder: &Path, name: &str) -> Option<u64> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let its = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(name));
    Some(its.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum())
}

/// Which limits held, or hold: for the reason of a record. `before` is how often it had been held back a sample ago.
pub(super) fn held(usage: &Usage, before: Option<Spent>) -> Vec<String> {
    let since = |count: Option<u64>| count.filter(|count| *count > 0);
    let killed = since(usage.killed).map(|count| format!("the kernel ended {}: memory ran out", short::often(count)));
    let refused = since(usage.refused).map(|count| {
        format!("the kernel refused it {count} new process{} since it started", if count == 1 { "" } else { "es" })
    });
    let is_held = before.zip(usage.throttled).is_some_and(|(before, now)| now > before.throttled);
    let slow = is_held.then(|| "it is held back at its limit on processor time".to_owned());
    let log = usage.log.zip(usage.log_limit).filter(|(log, limit)| *log >= limit / 10 * 9);
    let cut = log.map(|_| "its log is nearly full: Docker throws the oldest of it away".to_owned());
    [killed, refused, slow, cut].into_iter().flatten().collect()
}

/// `670 of 2048 MiB, 0.03 of 2.00 processors, 29 of 512 processes`; only what is known.
pub(super) fn words(usage: &Usage) -> String {
    let of = |used: Option<u64>, limit: Option<u64>, shown: &dyn Fn(u64) -> String, unit: &str| {
        let limit = limit.map_or_else(String::new, |limit| format!(" of {}", shown(limit)));
        used.map(|used| format!("{}{limit} {unit}", shown(used)))
    };
    let mebibytes = |bytes: u64| (bytes >> 20).to_string();
    let processors = |nano: u64| {
        let hundredths = (nano + WHOLE / 200) / (WHOLE / 100);
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    };
    let parts = [
        of(usage.memory, usage.memory_limit, &mebibytes, "MiB"),
        of(usage.processors, usage.processors_limit, &processors, "processors"),
        of(usage.processes, usage.processes_limit, &|count| count.to_string(), "processes"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hierarchies_count_by_word() {
        let second = "usage_usec 123\nuser_usec 100\nnr_periods 9\nnr_throttled 4\nthrottled_usec 7\n";
        assert_eq!((counted(second, "usage_usec"), counted(second, "nr_throttled")), (Some(123), Some(4)));
        assert_eq!(counted("inactive_file 5\ntotal_inactive_file 8\n", "total_inactive_file"), Some(8));
        assert_eq!(counted("max 3\n", "max"), Some(3));
        assert_eq!(counted("maximum 3\n", "max"), None);
    }

    #[test]
    fn each_limit_that_held_is_named_and_what_is_not_known_is_not() {
        assert_eq!(held(&Usage::default(), None), Vec::<String>::new());
        let seven = Spent { at: Instant::now(), time: 0, throttled: 7 };
        let well = Usage { killed: Some(0), refused: Some(0), throttled: Some(7), ..Usage::default() };
        assert_eq!(held(&well, Some(seven)), Vec::<String>::new());
        let full = Usage {
            killed: Some(1),
            refused: Some(2),
            throttled: Some(9),
            log: Some(30 << 20),
            log_limit: Some(30 << 20),
            ..Usage::default()
        };
        let told = held(&full, Some(seven)).join("; ");
        for words in ["memory ran out", "refused it 2 new processes", "processor time", "its log is nearly full"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn a_line_has_what_is_used_of_what() {
        let usage = Usage {
            memory: Some(670 << 20),
            memory_limit: Some(2 << 30),
            processors: Some(25_000_000),
            processors_limit: Some(2 * WHOLE),
            processes: Some(29),
            ..Usage::default()
        };
        assert_eq!(words(&usage), "670 of 2048 MiB, 0.03 of 2.00 processors, 29 processes");
        assert_eq!(words(&Usage::default()), "");
        let begin = Spent { at: Instant::now(), time: 5, throttled: 0 };
        let end = Spent { at: begin.at + SAMPLE * 2, time: 5 + WHOLE, ..begin };
        assert_eq!(rate(&begin, &end), Some(2 * WHOLE));
        assert_eq!(rate(&begin, &begin), None);
    }
}
