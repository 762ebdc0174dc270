//! What the kernel lets the processes of a container do, each of them. Docker tells what it was asked for, and a
//! process that a `docker exec --privileged` left behind has more (proc(5), "status").

use std::time::Duration;

use engine::Process;
use record::Severity::{Critical, High};
use rustix::thread::CapabilitySet;

use super::control::{Control, Verdict, listed};
use super::facts::Subject;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cellblock-capabilities-in-effect",
        "has no process with a capability that it is not known to need",
        Critical,
        "end the process; who may use docker exec is root: find out who did",
        capabilities,
    ),
    Control::new(
        "cellblock-privileges-in-effect",
        "has no process that can gain privileges",
        High,
        "end the process; if it is the container's own, scripts/up",
        privileges,
    ),
    Control::new(
        "cellblock-seccomp-in-effect",
        "has no process without a seccomp filter",
        High,
        "end the process; if it is the container's own, remove seccomp=unconfined, then scripts/up",
        seccomp,
    ),
];

/// What one process may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confined {
    pid: i64,
    /// Who made it; outside of the container for one that Docker put in.
    parent: i64,
    /// Every capability that it has or can come to have, as bits: all five sets (capabilities(7)).
    capabilities: u64,
    no_new_privileges: bool,
    /// 0 none, 1 strict, 2 a filter (seccomp(2)).
    seccomp: u8,
}

/// How long Docker takes at most to confine a process that it just put into a container: looks, and their pause.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// All processes of a running container. One that Docker is just starting is in the container before it is confined.
/// Who has no filter yet is looked at again, and counts when it still has none after five seconds. On a busy machine
/// one second was not enough. The first process and its children are what they are: Docker tells of a container that
/// runs once its first one is confined, and a child has its parent's filter.
///
/// # Errors
/// Why they are not known. One that ends while it is looked at is no error.
pub(crate) fn look(processes: &[Process], first: i64) -> anyhow::Result<Vec<Confined>> {
    let mut found = read(processes)?;
    for _ in 1..LOOKS {
        if !found.iter().any(|process| is_being_put_in(process, &found, first)) {
            break;
        }
        std::thread::sleep(PAUSE);
        found = read(processes)?;
    }
    Ok(found)
}

/// Is it not confined, and neither the first process nor another's child in there? Then Docker may be at it still.
fn is_being_put_in(process: &Confined, all: &[Confined], first: i64) -> bool {
    let is_confined = process.no_new_privileges && process.seccomp != 0;
    !is_confined && process.pid != first && !all.iter().any(|other| other.pid == process.parent)
}

/// Those that still run, each thread by itself: one may keep what the first one dropped. Threads that ended do nothing
/// any more.
fn read(processes: &[Process]) -> anyhow::Result<Vec<Confined>> {
    let told = |process: &Process| {
        process.threads().unwrap_or_default().into_iter().map(|text| (process.pid(), text)).collect()
    };
    let all: Vec<(i64, String)> =
        processes.iter().flat_map(|process| -> Vec<(i64, String)> { told(process) }).collect();
    let runs = |(_, status): &(i64, String)| !status.lines().any(|line| line.starts_with("State:\tZ"));
    let parsed = all.into_iter().filter(runs).map(|(pid, status)| {
        parse(pid, &status).ok_or_else(|| anyhow::anyhow!("the kernel does not tell all of process {pid}"))
    });
    parsed.collect()
}

/// From the text of `status`. The name in its first line is the prisoner's own to choose: what counts are the last
/// lines of each word. A name has no line break: the kernel writes it as `\\n`.
pub(crate) fn parse(pid: i64, status: &str) -> Option<Confined> {
    let field = |name: &str| status.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let set = |name: &str| u64::from_str_radix(field(name)?.trim(), 16).ok();
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].into_iter().map(set);
    let capabilities = sets.collect::<Option<Vec<u64>>>()?.into_iter().fold(0, |all, one| all | one);
    let seccomp = field("Seccomp")?.trim().parse().ok()?;
    let parent = field("PPid")?.trim().parse().ok()?;
    Some(Confined { pid, parent, capabilities, no_new_privileges: field("NoNewPrivs")?.trim() == "1", seccomp })
}

/// Those that break a rule, named by number and by what is wrong.
fn none(subject: &Subject, expected: &str, wrong: impl Fn(&Confined) -> Option<String>) -> Verdict {
    match &subject.facts.processes {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(processes)) if processes.is_empty() => Verdict::untold("none of its processes could be looked at"),
        Some(Ok(processes)) => {
            let found = processes.iter().filter_map(|it| Some(format!("process {}: {}", it.pid, wrong(it)?)));
            let found: Vec<String> = found.collect();
            let all = format!("{} looked at", processes.len());
            Verdict::when(found.is_empty(), expected, if found.is_empty() { all } else { listed(found) })
        }
    }
}

fn capabilities(subject: &Subject) -> Verdict {
    let bit = |name: &&str| CapabilitySet::from_name(name).map_or(0, |set| set.bits());
    let allowed: u64 = subject.expect.capabilities.iter().map(bit).fold(0, |all, one| all | one);
    let expected = format!("at most: {}", listed(subject.expect.capabilities));
    none(subject, &expected, |process| {
        let more = process.capabilities & !allowed;
        (more != 0).then(|| named(more))
    })
}

fn named(bits: u64) -> String {
    let names = CapabilitySet::from_bits_retain(bits).iter_names().map(|(name, _)| name.to_owned());
    let names: Vec<String> = names.collect();
    if names.len() > 5 { format!("{} capabilities", bits.count_ones()) } else { names.join(" ") }
}

fn privileges(subject: &Subject) -> Verdict {
    none(subject, "no_new_privs for each", |process| {
        (!process.no_new_privileges).then(|| "without no_new_privs".to_owned())
    })
}

fn seccomp(subject: &Subject) -> Verdict {
    none(subject, "a filter for each", |process| (process.seccomp == 0).then(|| "without a filter".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tSeccomp:\\t0\nUmask:\t0022\nPPid:\t1\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000002\n\
        CapEff:\t0000000000000000\nCapBnd:\t0000000000000002\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

    #[test]
    fn a_status_is_read_whole_or_not_at_all() {
        let confined = Confined { pid: 7, parent: 1, capabilities: 2, no_new_privileges: true, seccomp: 2 };
        assert_eq!(parse(7, STATUS), Some(confined));
        for word in ["PPid", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"] {
            let cut = STATUS.lines().filter(|line| !line.starts_with(&format!("{word}:")) || line.starts_with("Name"));
            assert_eq!(parse(7, &cut.collect::<Vec<_>>().join("\n")), None, "{word}");
        }
        assert_eq!(parse(7, &STATUS.replace("CapEff:\t0", "CapEff:\tx")), None);
    }

    #[test]
    fn only_what_came_from_outside_may_be_confined_still() {
        let one = |pid, parent, seccomp| Confined { pid, parent, capabilities: 0, no_new_privileges: true, seccomp };
        let all = [one(10, 1, 0), one(11, 10, 0), one(12, 1, 0), one(13, 1, 2)];
        let still: Vec<i64> = all.iter().filter(|it| is_being_put_in(it, &all, 10)).map(|it| it.pid).collect();
        assert_eq!(still, [12], "the first one and its child have no filter and never will");
    }

    #[test]
    fn few_capabilities_are_named_and_many_are_counted() {
        assert_eq!(named(1 << 21 | 1 << 12), "NET_ADMIN SYS_ADMIN");
        assert_eq!(named(0x1ff_ffff_ffff), "41 capabilities");
    }
}
