//! Which process is whose, and where each is. To look at all of `/proc` is most of what a container costs. So one look
//! serves all of those that are asked about soon after it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::namespaces::ProcessNamespaces;
use crate::process::{Process, is_none_of_it, numbers};

/// How long one look is good for.
const FRESH: Duration = Duration::from_millis(500);

/// The processes of this host.
#[derive(Debug, Default)]
pub struct Processes(Mutex<Option<(Instant, Arc<Vec<ProcessNamespaces>>)>>);

impl Processes {
    /// Every process of the container with this id: those in its control group, and those in the namespace of process
    /// numbers of its first one. What a `docker exec` that ended left behind is among them. A process that ends
    /// meanwhile is none.
    ///
    /// # Errors
    /// If its first process is gone, or `/proc` or a process in it cannot be read.
    pub fn of(&self, container: &str, first: i64) -> Result<Vec<Process>> {
        self.of_held(container, &Process::of(container, first)?)
    }

    /// The same, by its first process that is held already: to make sure of it again costs as much as to look at it.
    ///
    /// # Errors
    /// As [`Processes::of`].
    pub fn of_held(&self, container: &str, first: &Process) -> Result<Vec<Process>> {
        let (home, first) = (first.namespace("pid")?, first.pid());
        let numbers = |one: &ProcessNamespaces| {
            one.namespaces.as_ref().and_then(|namespaces| namespaces.get("pid")) == Some(&home)
        };
        let mut all = self.recent()?;
        // Where the container started after the last look, nobody has seen anything of it.
        if !all.iter().any(|seen| seen.pid == first && numbers(seen)) {
            all = self.look()?;
        }
        let is_in = |seen: &ProcessNamespaces| seen.group.contains(container) || numbers(seen);
        let mut found = Vec::new();
        for seen in all.iter().filter(|seen| is_in(seen)) {
            // By now the number may be another's.
            match Process::open(seen.pid)
                .and_then(|process| Ok(is_in(&ProcessNamespaces::of(&process)?).then_some(process)))
            {
                Ok(process) => found.extend(process),
                Err(error) if is_none_of_it(&error) => {}
                // Whoever is not looked at could be the one that matters.
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// All that still run, as they were at most half a second ago.
    ///
    /// # Errors
    /// If `/proc` or a process in it cannot be read.
    pub fn recent(&self) -> Result<Arc<Vec<ProcessNamespaces>>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some((taken, all)) if taken.elapsed() < FRESH => Ok(all),
            _ => self.look(),
        }
    }

    /// All that still run now. One that ends meanwhile is none.
    ///
    /// # Errors
    /// If `/proc` or a process in it cannot be read.
    pub fn look(&self) -> Result<Arc<Vec<ProcessNamespaces>>> {
        let (taken, mut all) = (Instant::now(), Vec::new());
        for pid in numbers()? {
            match Process::open(pid).and_then(|process| ProcessNamespaces::of(&process)) {
                Ok(home) => all.push(home),
                Err(error) if is_none_of_it(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let all = Arc::new(all);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((taken, Arc::clone(&all)));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn own() -> i64 {
        std::process::id().into()
    }

    fn has(all: &[ProcessNamespaces], pid: i64) -> bool {
        all.iter().any(|seen| seen.pid == pid)
    }

    #[test]
    fn one_look_serves_for_a_while_and_then_another_is_taken() {
        let processes = Processes::default();
        assert!(has(&processes.recent().unwrap(), own()));
        let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let pid = i64::from(child.id());
        assert!(!has(&processes.recent().unwrap(), pid), "the last look is still good");
        std::thread::sleep(FRESH);
        assert!(has(&processes.recent().unwrap(), pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!has(&processes.look().unwrap(), pid));
    }

    #[test]
    fn nothing_of_a_container_that_is_not_there_is_an_error_and_no_empty_list() {
        assert!(Processes::default().of("0123456789abcdef0123456789abcdef", own()).is_err());
    }
}
