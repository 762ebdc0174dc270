//! The namespaces that processes are in, by inode: what Docker was told of them may be another matter (namespaces(7)).

use std::collections::BTreeMap;

use anyhow::Result;

use crate::process::{Process, is_none_of_it};

/// The kinds that lead from one container to another or to the host, as the kernel calls them.
const KINDS: [&str; 4] = ["net", "pid", "ipc", "mnt"];

/// The control groups and namespaces that a process is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessNamespaces {
    /// Its number on this host.
    pub pid: i64,
    /// Its control groups: those of a container have its id in their names.
    pub group: String,
    /// Its namespaces, `net` to `net:[4026531840]`; `None` where they may not be looked at.
    pub namespaces: Option<Namespaces>,
}

/// A process's namespaces: the kind, and the name in `/proc/PID/ns` such as `net:[4026531840]`.
pub type Namespaces = BTreeMap<&'static str, String>;

/// The namespaces of the process of this number; 1 has the host's.
#[must_use]
pub fn namespaces_of(pid: i64) -> Option<Namespaces> {
    ProcessNamespaces::of(&Process::open(pid).ok()?).ok()?.namespaces
}

impl ProcessNamespaces {
    /// Of a process that still runs.
    ///
    /// # Errors
    /// If it ended, or cannot be looked at.
    pub(crate) fn of(process: &Process) -> Result<Self> {
        let group = process.read("cgroup")?;
        let namespaces: Result<Namespaces> =
            KINDS.into_iter().map(|kind| Ok((kind, process.namespace(kind)?))).collect();
        let namespaces = match namespaces {
            Ok(namespaces) => Some(namespaces),
            // A process that ended is in no namespace, a zombie neither: it does nothing any more.
            Err(error) if !is_none_of_it(&error) || has_ended(process) => return Err(error),
            Err(_) => None,
        };
        Ok(Self { pid: process.pid(), group, namespaces })
    }
}

/// Is it gone, a zombie, or being taken apart (proc(5), "status")?
fn has_ended(process: &Process) -> bool {
    let is_over = |line: &str| line.starts_with("State:\tZ") || line.starts_with("State:\tX");
    process.read("status").map_or(true, |status| status.lines().any(is_over))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_where_the_kernel_says_and_a_child_is_where_its_parent_is() {
        let own = namespaces_of(std::process::id().into()).unwrap();
        assert!(KINDS.iter().all(|kind| own[kind].starts_with(&format!("{kind}:["))), "{own:?}");
        let mut child = std::process::Command::new("/bin/sleep").arg("9").spawn().unwrap();
        let pid = i64::from(child.id());
        assert_eq!(namespaces_of(pid), Some(own));
        child.kill().unwrap();
        // A zombie as long as nobody asks for its end.
        let ended = || Process::open(pid).is_ok_and(|process| ProcessNamespaces::of(&process).is_err());
        assert!((0..500).any(|_| ended() || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            false
        }));
        child.wait().unwrap();
        assert_eq!(namespaces_of(pid), None);
    }
}
