//! The limits that the kernel enforces on a container: those of its control group (cgroups(7)). Docker tells what it
//! was asked for; somebody may have written another number since.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use engine::Process;
use record::Severity::{High, Medium};

use super::control::{Control, RECREATE, Verdict};
use super::facts::Subject;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cellblock-memory-in-force",
        "has the limit on memory that Docker was told, in force",
        High,
        RECREATE,
        memory,
    ),
    Control::new(
        "cellblock-processors-in-force",
        "has the limit on processor time that Docker was told, in force",
        Medium,
        RECREATE,
        processors,
    ),
    Control::new(
        "cellblock-processes-in-force",
        "has the limit on processes that Docker was told, in force",
        High,
        RECREATE,
        processes,
    ),
];

/// What the kernel rounds a limit on memory down to, in bytes.
const PAGE: i64 = 4096;

/// Memory in bytes, processor time in billionths of a processor, processes. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InForce {
    pub(crate) memory: Option<i64>,
    pub(crate) processors: Option<i64>,
    pub(crate) processes: Option<i64>,
}

/// A controller's folder: the second hierarchy's, or the first one's.
enum Folder {
    V2(PathBuf),
    V1(PathBuf),
}

/// Of a running container, by its first process; `host` is this host's `mountinfo`, or the lines of control groups in
/// it.
///
/// # Errors
/// What could not be read.
pub(crate) fn look(first: &Process, host: &str) -> anyhow::Result<InForce> {
    let groups = first.read("cgroup")?;
    let of = |controller: &str| {
        folder(controller, &groups, host).with_context(|| format!("no control group holds the controller {controller}"))
    };
    Ok(InForce {
        memory: match of("memory")? {
            Folder::V2(path) => limit(&read(&path, "memory.max")?),
            Folder::V1(path) => limit(&read(&path, "memory.limit_in_bytes")?),
        },
        processors: match of("cpu")? {
            Folder::V2(path) => share(&read(&path, "cpu.max")?),
            Folder::V1(path) => {
                share(&format!("{} {}", read(&path, "cpu.cfs_quota_us")?.trim(), read(&path, "cpu.cfs_period_us")?))
            }
        },
        processes: match of("pids")? {
            Folder::V2(path) | Folder::V1(path) => limit(&read(&path, "pids.max")?),
        },
    })
}

/// A file of a running container's control group, by its name in the second hierarchy and in the first one. Nothing can
/// be asked of a controller by its other hierarchy's name.
///
/// # Errors
/// What could not be read.
pub(crate) fn group_file(
    container: &str,
    first: i64,
    (controller, second, old): (&str, &str, &str),
) -> anyhow::Result<String> {
    let groups = Process::of(container, first)?.read("cgroup")?;
    let host = fs::read_to_string("/proc/self/mountinfo")?;
    let none = || format!("no control group holds the controller {controller}");
    match folder(controller, &groups, &host).with_context(none)? {
        Folder::V2(path) => read(&path, second),
        Folder::V1(path) => read(&path, old),
    }
}

fn read(folder: &Path, file: &str) -> anyhow::Result<String> {
    let path = folder.join(file);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// `max`, and the first hierarchy's largest number, are no limit.
fn limit(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|number| (0..i64::MAX / PAGE * PAGE).contains(number))
}

/// A quota and its period, both in microseconds; `max` or a negative quota is no limit.
fn share(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace().map(str::parse::<i64>);
    let (Some(Ok(quota)), Some(Ok(period))) = (words.next(), words.next()) else { return None };
    if quota < 0 { None } else { quota.checked_mul(1_000_000_000)?.checked_div(period) }
}

/// Where this host sees the group of a process. A controller is in the first hierarchy where a line names it, else in
/// the second, whose line is `0::`.
fn folder(controller: &str, groups: &str, host: &str) -> Option<Folder> {
    let named =
        |line: &&str| line.split(':').nth(1).is_some_and(|names| names.split(',').any(|name| name == controller));
    let path = |line: &str| line.splitn(3, ':').nth(2).map(str::to_owned);
    if let Some(line) = groups.lines().find(named) {
        return Some(Folder::V1(seen(&path(line)?, host, |kind, options| {
            kind == "cgroup" && options.any_is(controller)
        })?));
    }
    let line = groups.lines().find(|line| line.starts_with("0::"))?;
    Some(Folder::V2(seen(&path(line)?, host, |kind, _| kind == "cgroup2")?))
}

/// The options of a file system, as the kernel's list of mounts has them.
struct Options<'a>(&'a str);

impl Options<'_> {
    fn any_is(&self, word: &str) -> bool {
        self.0.split(',').any(|option| option == word)
    }
}

/// The group's folder below the mount of its hierarchy, which may show a part of it only.
fn seen(group: &str, host: &str, is_it: impl Fn(&str, Options<'_>) -> bool) -> Option<PathBuf> {
    host.lines().find_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let mut fields = head.split(' ').skip(3);
        let (root, target) = (fields.next()?, fields.next()?);
        let (kind, rest) = tail.split_once(' ')?;
        let below = Path::new(group).strip_prefix(root).ok()?;
        is_it(kind, Options(rest.rsplit(' ').next()?)).then(|| Path::new(target).join(below))
    })
}

/// Is what is in force what Docker was told? `told` of zero or less is no limit: that is another control's finding, and
/// none here.
fn same(subject: &Subject, told: Option<i64>, of: impl Fn(&InForce) -> Option<i64>, unit: &str) -> Verdict {
    let shown = |limit: Option<i64>| limit.map_or_else(|| "no limit".to_owned(), |number| format!("{number} {unit}"));
    let told = told.filter(|number| *number > 0);
    match &subject.facts.in_force {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(found)) if told.is_none() && of(found).is_none() => Verdict::NotApplicable,
        Some(Ok(found)) => Verdict::same(&shown(told), &shown(of(found))),
    }
}

fn memory(subject: &Subject) -> Verdict {
    let told = subject.facts.host.memory.map(|bytes| bytes / PAGE * PAGE);
    same(subject, told, |found| found.memory, "bytes")
}

/// The kernel keeps whole microseconds of a period, so billionths are rounded down.
fn processors(subject: &Subject) -> Verdict {
    let told = super::bounds::billionths(&subject.facts.host).map(|nano| nano / 10_000 * 10_000);
    same(subject, told, |found| found.processors.map(|nano| nano / 10_000 * 10_000), "billionths")
}

fn processes(subject: &Subject) -> Verdict {
    same(subject, subject.facts.host.pids_limit, |found| found.processes, "processes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "\
33 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct
34 30 0:29 /part /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
35 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

    fn found(controller: &str, groups: &str, host: &str) -> Option<String> {
        folder(controller, groups, host).map(|folder| match folder {
            Folder::V1(path) => format!("1 {}", path.display()),
            Folder::V2(path) => format!("2 {}", path.display()),
        })
    }

    #[test]
    fn a_group_is_found_in_either_hierarchy_and_below_a_mount_of_a_part() {
        let groups = "5:memory:/part/lab/abc\n4:cpu,cpuacct:/lab/abc\n0::/lab/abc\n";
        assert_eq!(found("memory", groups, V1).as_deref(), Some("1 /sys/fs/cgroup/memory/lab/abc"));
        assert_eq!(found("cpu", groups, V1).as_deref(), Some("1 /sys/fs/cgroup/cpu,cpuacct/lab/abc"));
        let second = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(
            found("pids", "0::/system.slice/docker-abc.scope", second).as_deref(),
            Some("2 /sys/fs/cgroup/system.slice/docker-abc.scope")
        );
        assert_eq!(found("pids", "5:memory:/x", V1), None);
        assert_eq!(found("memory", "5:memory:/elsewhere/abc", V1), None, "outside what is mounted");
    }

    #[test]
    fn no_limit_has_several_words() {
        assert_eq!(
            (limit("max\n"), limit("9223372036854771712\n"), limit("536870912\n")),
            (None, None, Some(536_870_912))
        );
        assert_eq!(
            (share("max 100000"), share("-1 100000"), share("150000 100000\n")),
            (None, None, Some(1_500_000_000))
        );
        assert_eq!(share("1 0"), None);
    }
}
