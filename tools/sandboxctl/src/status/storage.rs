//! Folders with a bound, and how full they are. The share is a file system of its own and is asked, never
//! walked: what is in it belongs to the prisoner.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use policy::Policy;
use record::cellblock::{Cell, Storage};
use record::fields::File;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

/// The most names that are looked at in a folder that is not a file system of its own.
const MAX_NAMES: usize = 200_000;

/// A folder and how it stands.
#[derive(Debug)]
pub(crate) struct Folder {
    name: &'static str,
    path: PathBuf,
    limit: u64,
    used: Result<u64, Trouble>,
}

#[derive(Debug)]
enum Trouble {
    /// The share is a plain folder: nothing bounds it, and set-uid files in it work.
    NotMounted,
    /// Nothing is there.
    Missing,
    /// It could not be looked at.
    Untold(String),
}

/// The share, the jail, and of the record the spool and what is made from it.
pub(crate) fn all(policy: &Policy) -> Vec<Folder> {
    let share = policy.cell.share.mount_point();
    let jail = &policy.warden.jail;
    let (audit, spool) = (&policy.audit, policy.audit.directory.join("spool"));
    vec![
        Folder { name: "share", used: file_system(&share), path: share, limit: policy.cell.share.size.get() },
        Folder { name: "jail", used: walked(&jail.path), path: jail.path.clone(), limit: jail.size.get() },
        Folder { name: "spool", used: walked(&spool), path: spool, limit: audit.spool.get() },
        Folder {
            name: "database",
            used: databases(&audit.directory),
            path: audit.directory.join("record.duckdb"),
            limit: audit.database.get(),
        },
    ]
}

/// Bytes that the databases take, with their logs and what a rebuild put aside; logs of our own are none of them.
fn databases(directory: &Path) -> Result<u64, Trouble> {
    let mut used = 0u64;
    for entry in fs::read_dir(directory).map_err(|error| trouble(directory, &error))? {
        let entry = entry.map_err(|error| trouble(directory, &error))?;
        let is_database = entry.file_name().to_string_lossy().contains(".duckdb");
        let found = fs::symlink_metadata(entry.path()).ok().filter(|found| is_database && found.is_file());
        used = used.saturating_add(found.map_or(0, |found| found.blocks().saturating_mul(512)));
    }
    Ok(used)
}

/// Bytes in use on the file system that is mounted here.
fn file_system(path: &Path) -> Result<u64, Trouble> {
    let here = fs::symlink_metadata(path).map_err(|error| trouble(path, &error))?;
    let above = path.parent().map(fs::symlink_metadata).transpose().map_err(|error| trouble(path, &error))?;
    if above.is_none_or(|above| above.dev() == here.dev()) {
        return Err(Trouble::NotMounted);
    }
    let told = rustix::fs::statvfs(path).map_err(|error| trouble(path, &error.into()))?;
    Ok(told.f_blocks.saturating_sub(told.f_bfree).saturating_mul(told.f_frsize))
}

/// Bytes in use below a folder, links not followed.
fn walked(path: &Path) -> Result<u64, Trouble> {
    let (mut used, mut names) = (0u64, 0usize);
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| trouble(&folder, &error))? {
            names += 1;
            if names > MAX_NAMES {
                return Err(Trouble::Untold(format!("more than {MAX_NAMES} names in it")));
            }
            let entry = entry.map_err(|error| trouble(&folder, &error))?;
            // What is gone by now takes no room.
            let Ok(found) = fs::symlink_metadata(entry.path()) else { continue };
            used = used.saturating_add(found.blocks().saturating_mul(512));
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(used)
}

fn trouble(path: &Path, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing,
        _ => Trouble::Untold(format!("{}: {error}", path.display())),
    }
}

impl Folder {
    /// The record of it: over its bound, or with none, is a finding; nearly full is worth a look.
    pub(crate) fn record(&self) -> Record {
        let Self { name, limit, .. } = self;
        let mut record = match &self.used {
            Ok(used) if used > limit => failed(
                format!("The {name} holds {used} bytes, more than its {limit}."),
                match *name {
                    "spool" => "auditdb prune, or raise audit.spool",
                    "database" => "auditdb prune and auditdb rebuild, or raise audit.database",
                    _ => "scanwatch jail purge",
                },
            ),
            Ok(used) => {
                let nearly_full = *used >= limit / 10 * 9;
                base(format!("The {name} holds {used} of {limit} bytes."))
                    .outcome(Outcome::Success)
                    .severity(if nearly_full { Severity::Medium } else { Severity::Informational })
            }
            Err(Trouble::NotMounted) => {
                failed(format!("The {name} is no file system of its own: nothing bounds it."), "scripts/up mounts it")
            }
            Err(Trouble::Missing) => failed(format!("The {name} is not there."), "scripts/up makes it"),
            Err(Trouble::Untold(why)) => base(format!("How full the {name} is could not be told."))
                .outcome(Outcome::Unknown)
                .severity(Severity::Low)
                .reason(why.clone()),
        };
        record.file = Some(File::at(&self.path));
        let storage =
            Storage { name: Some((*name).to_owned()), used: self.used.as_ref().ok().copied(), limit: Some(*limit) };
        record.own().cell = Some(Cell { storage: Some(storage), ..Cell::default() });
        record
    }
}

fn base(message: String) -> Record {
    Record::new(Provider::Sandboxctl, Action::StorageReported, message)
        .kind(Kind::State)
        .about(Category::File, Type::Info)
}

fn failed(message: String, mend: &str) -> Record {
    let mut record = base(message).outcome(Outcome::Failure).severity(Severity::High);
    record.own().mend = Some(mend.to_owned());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(used: Result<u64, Trouble>) -> Record {
        Folder { name: "share", path: "/share".into(), limit: 1000, used }.record()
    }

    #[test]
    fn a_plain_folder_is_no_share() {
        let plain = tempfile::tempdir().unwrap();
        let inside = plain.path().join("share");
        fs::create_dir(&inside).unwrap();
        assert!(matches!(file_system(&inside), Err(Trouble::NotMounted)));
        assert!(file_system(Path::new("/proc")).is_ok(), "what is mounted is a file system of its own");
        assert!(matches!(file_system(&inside.join("x")), Err(Trouble::Missing)));
    }

    #[test]
    fn what_is_in_a_folder_is_counted_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/file"), vec![1; 100_000]).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        let used = walked(folder.path()).unwrap();
        assert!((100_000..400_000).contains(&used), "{used}");
    }

    #[test]
    fn a_record_is_as_full_as_its_spool_whatever_its_database_and_logs_take() {
        let audit = tempfile::tempdir().unwrap();
        for (place, bytes) in [
            ("spool/a.jsonl", 10_000),
            ("record.duckdb", 200_000),
            ("record.duckdb.wal", 100_000),
            ("collect/log", 400_000),
        ] {
            let path = audit.path().join(place);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![1; bytes]).unwrap();
        }
        assert!((10_000..50_000).contains(&walked(&audit.path().join("spool")).unwrap()));
        assert!((300_000..390_000).contains(&databases(audit.path()).unwrap()));
        assert!(matches!(databases(&audit.path().join("none")), Err(Trouble::Missing)));
    }

    #[test]
    fn no_bound_and_over_the_bound_are_findings_and_nearly_full_is_worth_a_look() {
        assert_eq!(folder(Ok(1001)).event.outcome, Some(Outcome::Failure));
        assert_eq!(folder(Err(Trouble::NotMounted)).event.outcome, Some(Outcome::Failure));
        assert_eq!(folder(Err(Trouble::Missing)).event.outcome, Some(Outcome::Failure));
        assert_eq!(folder(Err(Trouble::Untold("x".to_owned()))).event.outcome, Some(Outcome::Unknown));
        assert_eq!(
            (folder(Ok(899)).event.severity, folder(Ok(900)).event.severity),
            (Severity::Informational, Severity::Medium)
        );
    }
}
