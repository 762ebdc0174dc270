//! Do cell and warden have the share that is mounted on this host? Who began before the mount has another file system at
//! that place until it ends, whatever is mounted there now.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use engine::{Engine, Process};
use policy::{Policy, Service};
use record::Record;
use record::fields::{Container, File};
use rustix::fs::{major, minor};

use super::storage::{failed, held, untold};
use crate::audit;

/// One record for each of the two that runs.
pub(super) async fn all(policy: &Policy) -> Vec<Record> {
    let path = policy.cell.share.mount_point();
    let mut records = Vec::new();
    for service in [Service::Cell, Service::Warden] {
        let name = policy.container(service);
        // Who is not there, or does not run, is told elsewhere.
        let Some(pid) = running(name).await else { continue };
        let wrong = pid.and_then(|first| audit::differs_from_share(&first, service, &device(&path)?));
        records.push(record(name, &path, wrong));
    }
    records
}

/// The first process of a container that runs; nothing where none does.
async fn running(name: &str) -> Option<anyhow::Result<Process>> {
    let found = Engine::connect().await.ok()?.container(name).await.ok()?;
    let pid = found.state.and_then(|state| state.pid).filter(|pid| *pid > 0)?;
    Some(Process::of(found.id.as_deref().unwrap_or_default(), pid))
}

/// `major:minor` of the file system at this place, as the kernel's list of mounts has it.
fn device(path: &Path) -> io::Result<String> {
    let device = fs::metadata(path)?.dev();
    Ok(format!("{}:{}", major(device), minor(device)))
}

fn record(name: &str, path: &Path, wrong: anyhow::Result<Vec<String>>) -> Record {
    let place = path.display();
    let mut record = match wrong {
        Ok(wrong) if wrong.is_empty() => held(format!("{name} has the share that is mounted at {place}.")),
        Ok(wrong) => failed(
            format!("{name} does not have the share that is mounted at {place}, as it should."),
            "scripts/up makes the container anew",
        )
        .reason(wrong.join("; ")),
        Err(why) => untold(format!("Whether {name} has the share of {place} could not be told."), format!("{why:#}")),
    };
    record.container = Some(Container::named(name));
    record.file = Some(File::at(path));
    record
}

#[cfg(test)]
mod tests {
    use record::Outcome;

    use super::*;

    #[test]
    fn what_is_wrong_is_a_failure_and_what_cannot_be_asked_is_no_pass() {
        let outcome = |wrong| record("cell", Path::new("/share"), wrong).event.outcome;
        assert_eq!(outcome(Ok(Vec::new())), Some(Outcome::Success));
        assert_eq!(outcome(Ok(vec!["no nosuid".to_owned()])), Some(Outcome::Failure));
        assert_eq!(outcome(Err(anyhow::anyhow!("refused"))), Some(Outcome::Unknown));
    }

    #[test]
    fn a_device_is_spelled_as_the_kernel_does() {
        let own = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let proc = own.lines().find(|line| line.split(' ').nth(4) == Some("/proc")).unwrap();
        assert_eq!(device(Path::new("/proc")).unwrap(), proc.split(' ').nth(2).unwrap());
    }
}
