//! Reads what the host gives a container by single files: those that are mounted into it. Whole folders are its
//! owner's.

use std::fs::File;
use std::path::Path;

use engine::Process;

use super::super::Rules;
use super::super::content::{Searched, text};
use super::super::facts::{Facts, Mounted};

/// Where secrets belong. What is mounted there is meant for this container, and is no finding.
const SECRETS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];
/// The most files that are read.
const MANY: usize = 64;

/// The secrets in files of the host's that are mounted into it; `None` where there is none, or its mounts are not
/// known.
pub(super) fn search(facts: &Facts, rules: &Rules) -> Option<Searched> {
    let binds = facts.mounts.as_ref()?.iter().filter(|mount| mount.kind == "bind" && !is_secret(&mount.target));
    let process = facts.pid.filter(|_| facts.running == Some(true)).map(|pid| Process::of(&facts.id, pid));
    let mut searched = Searched::default();
    let mut many = 0;
    for mount in binds {
        let Some(opened) = opened(mount, process.as_ref()) else { continue };
        many += 1;
        if many > MANY {
            searched.add(Err(format!("more than {MANY} files are mounted")));
            break;
        }
        let names = [mount.source.as_path(), Path::new(&mount.target)];
        let names = names.map(|path| path.file_name().unwrap_or_default().to_string_lossy());
        searched.add(text::search_file(opened, (&mount.target, &[&names[0], &names[1]]), rules));
    }
    (many > 0).then_some(searched)
}

/// The file as the container has it, and as the host has it where that does not run; nothing where it is none.
fn opened(mount: &Mounted, process: Option<&anyhow::Result<Process>>) -> Option<anyhow::Result<File>> {
    let opened = match process {
        Some(Ok(process)) => process.file(&mount.target),
        Some(Err(error)) => Err(anyhow::anyhow!("{error:#}")),
        None => mount.source.canonicalize().map_err(Into::into).and_then(|real| engine::plain_file(&real)),
    };
    let is_none = opened.as_ref().is_err_and(|error| engine::is_no_file(error) || is_none_here(mount));
    (!is_none).then_some(opened)
}

fn is_secret(target: &str) -> bool {
    SECRETS.iter().any(|folder| Path::new(target).starts_with(folder))
}

/// A socket, a device or a folder by its name on the host, where it has one: who may not look into the container sees
/// that.
fn is_none_here(mount: &Mounted) -> bool {
    std::fs::metadata(&mount.source).is_ok_and(|found| !found.is_file())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is found in these, mounted as `(source, target)` into one that does not run.
    fn found(mounts: &[(&Path, &str)]) -> Option<Searched> {
        let mounts: Vec<_> = mounts
            .iter()
            .map(|(source, target)| json!({"Type": "bind", "Source": source, "Destination": target, "RW": false}))
            .collect();
        let told = json!({
            "Id": "1111111111110000", "Name": "/x", "Config": {}, "State": {"Running": false}, "Mounts": mounts,
            "HostConfig": {"NetworkMode": "bridge"}
        });
        search(&Facts::of(serde_json::from_value(told).unwrap(), Rules::built_in()).unwrap(), Rules::built_in())
    }

    #[test]
    fn what_is_no_file_says_nothing_and_what_could_not_be_looked_at_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        std::fs::write(path.join("file"), "A=b").unwrap();
        assert_eq!(found(&[(&path, "/x"), (Path::new("/dev/null"), "/y")]), None);
        assert_eq!(found(&[(&path.join("file"), "/x")]), Some(Searched::default()));
        let unknown = found(&[(&path, "/x"), (&path.join("gone"), "/y")]).map(|found| found.untold.len());
        assert_eq!(unknown, Some(1), "its name on the host leads nowhere");
    }

    #[test]
    fn a_file_is_what_either_of_its_names_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("netrc-prod");
        std::fs::write(&path, "machine h login me password hunter2\n").unwrap();
        assert_eq!(found(&[(&path, "/root/.netrc")]).unwrap().leaks().len(), 1);
    }
}
