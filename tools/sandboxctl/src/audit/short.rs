//! Short of memory: how often the kernel ended a process of a container because its control group was full. The
//! kernel's own count, read on the host (cgroups(7)): an agent that is started again inside its container leaves no
//! other trace but what the prisoner itself says.

use anyhow::Context;
use engine::Engine;

use super::in_force;

/// Since the container of this id was started; `first` is its first process.
///
/// # Errors
/// If the container does not run, or the kernel does not count.
pub(crate) fn kills(container: &str, first: i64) -> anyhow::Result<u64> {
    let text = in_force::group_file(container, first, ("memory", "memory.events", "memory.oom_control"))?;
    count(&text).context("the kernel does not count what it ends for want of memory")
}

/// The line `oom_kill N`, which both hierarchies have.
fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|number| number.trim().parse().ok())
}

/// The sentence for a record about the container that the engine just told of.
pub(crate) async fn sentence(docker: &Engine, container: &str) -> String {
    match asked(docker, container).await {
        Ok(kills) => format!("the kernel ended a process in it, for its memory was at the limit; {}", often(kills)),
        Err(error) => format!(
            "the kernel ended a process in it, for its memory was at the limit; how often is not known: {error:#}"
        ),
    }
}

async fn asked(docker: &Engine, container: &str) -> anyhow::Result<u64> {
    let state = docker.container(container).await?.state;
    kills(container, state.and_then(|state| state.pid).context("it has no process any more")?)
}

/// `3 processes since it started`.
pub(crate) fn often(kills: u64) -> String {
    format!("{kills} process{} since it started", if kills == 1 { "" } else { "es" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hierarchies_count_in_one_line() {
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), Some(3));
        assert_eq!(count("low 0\nhigh 0\nmax 41\noom 2\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\n"), None);
    }

    #[test]
    fn a_count_reads_as_a_person_says_it() {
        assert_eq!(often(1), "1 process since it started");
        assert_eq!(often(2), "2 processes since it started");
    }
}
