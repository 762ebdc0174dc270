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
    /// Files in it and how many there may be, of a file system of its own.
    files: Option<(u64, u64)>,
}

#[derive(Debug)]
enum Trouble {
    /// The share is a plain folder: nothing bounds it, and set-uid files in it work.
    NotMounted,
    /// There is no such folder.
    Missing,
    /// It could not be looked at.
    Untold(String),
}

/// The share, the jail, and of the record the spool and what is made from it.
pub(crate) fn all(policy: &Policy) -> Vec<Folder> {
    let share = policy.cell.share.mount_point();
    // Of a share that is not mounted these would be the host's own.
    let used = file_system(&share);
    let jail = &policy.warden.jail;
    let (audit, spool) = (&policy.audit, policy.audit.directory.join("spool"));
    vec![
        Folder {
            name: "share",
            files: used.is_ok().then(|| files(&share)).flatten(),
            used,
            path: share,
            limit: policy.cell.share.size.get(),
        },
        Folder { name: "jail", used: walked(&jail.path), files: None, path: jail.path.clone(), limit: jail.size.get() },
        Folder { name: "spool", used: walked(&spool), files: None, path: spool, limit: audit.spool.get() },
        Folder {
            name: "database",
            used: databases(&audit.directory),
            files: None,
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

/// Files and folders on the file system that is mounted here, and how many there may be; nothing where it has no such
/// bound.
fn files(path: &Path) -> Option<(u64, u64)> {
    let told = rustix::fs::statvfs(path).ok().filter(|told| told.f_files > 0)?;
    Some((told.f_files.saturating_sub(told.f_ffree), told.f_files))
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
    /// What is nine tenths full or more: nothing new can be written when it is whole.
    fn fullness(&self, used: u64) -> Vec<String> {
        let nearly = |used: u64, limit: u64| used >= limit / 10 * 9;
        let room = nearly(used, self.limit).then(|| "its room is nearly used up".to_owned());
        let files = self.files.filter(|(files, limit)| nearly(*files, *limit));
        room.into_iter().chain(files.map(|(files, limit)| format!("it holds {files} of {limit} files"))).collect()
    }

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
                let nearly_full = self.fullness(*used);
                let severity = if nearly_full.is_empty() { Severity::Informational } else { Severity::Medium };
                let told = held(format!("The {name} holds {used} of {limit} bytes.")).severity(severity);
                if nearly_full.is_empty() { told } else { told.reason(nearly_full.join("; ")) }
            }
            Err(Trouble::NotMounted) => {
                failed(format!("The {name} is no file system of its own: nothing bounds it."), "scripts/up mounts it")
            }
            Err(Trouble::Missing) => failed(format!("The {name} is not there."), "scripts/up makes it"),
            Err(Trouble::Untold(why)) => untold(format!("How full the {name} is could not be told."), why.clone()),
        };
        record.file = Some(File::at(&self.path));
        let storage = Storage {
            name: Some((*name).to_owned()),
            used: self.used.as_ref().ok().copied(),
            limit: Some(*limit),
            files: self.files.map(|(files, _)| files),
            files_limit: self.files.map(|(_, limit)| limit),
        };
        record.own().cell = Some(Cell { storage: Some(storage), ..Cell::default() });
        record
    }
}

fn base(message: String) -> Record {
    Record::new(Provider::Sandboxctl, Action::StorageReported, message)
        .kind(Kind::State)
        .about(Category::File, Type::Info)
}

/// It is as it should be.
pub(super) fn held(message: String) -> Record {
    base(message).outcome(Outcome::Success)
}

/// It could not be looked at, and why.
pub(super) fn untold(message: String, why: String) -> Record {
    base(message).outcome(Outcome::Unknown).severity(Severity::Low).reason(why)
}

/// It is not as it should be, and what mends it.
pub(super) fn failed(message: String, mend: &str) -> Record {
    let mut record = base(message).outcome(Outcome::Failure).severity(Severity::High);
    record.own().mend = Some(mend.to_owned());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(used: Result<u64, Trouble>) -> Record {
        Folder { name: "share", path: "/share".into(), limit: 1000, used, files: Some((5, 100)) }.record()
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
    fn a_share_that_has_no_file_to_give_is_full_whatever_room_it_has() {
        let of = |files| Folder { name: "share", path: "/share".into(), limit: 1000, used: Ok(1), files }.record();
        assert_eq!(of(Some((89, 100))).event.severity, Severity::Informational);
        let full = of(Some((100, 100)));
        assert_eq!((full.event.outcome, full.event.severity), (Some(Outcome::Success), Severity::Medium));
        assert_eq!(full.event.reason.as_deref(), Some("it holds 100 of 100 files"));
        assert_eq!(of(None).event.severity, Severity::Informational);
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
