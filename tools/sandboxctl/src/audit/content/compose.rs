//! The Compose files that a container was made by: its labels name them. They are the word of whoever made it. So only
//! plain files are read, and what they say is told by place alone.

mod env_files;
mod labels;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::super::leak::Rules;
use super::{Searched, text};
use env_files::EnvFile;
pub(crate) use labels::Labels;

/// The most files that are read for one container, and beside one of its files.
const MANY: usize = 32;

/// The secrets in them and in their `env_file`s, each file once; `None` where none of them is on this host.
pub(crate) fn search(files: &[PathBuf], rules: &Rules) -> Option<Searched> {
    let mut texts: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut searched = Searched::default();
    if files.len() > MANY {
        searched.add(Err(format!("more than {MANY} Compose files are named")));
    }
    for file in files.iter().take(MANY) {
        match read(file) {
            Ok(None) => {}
            Ok(Some(bytes)) => {
                beside(file, &bytes, &mut texts, &mut searched);
                texts.insert(file.clone(), bytes);
            }
            Err(why) => searched.add(Err(why)),
        }
    }
    for (file, bytes) in &texts {
        let (place, name) = (file.display().to_string(), file.file_name().unwrap_or_default().to_string_lossy());
        searched.add(text::search(bytes.as_slice(), &place, &[&name], rules));
    }
    (!texts.is_empty() || !searched.untold.is_empty()).then_some(searched)
}

/// Reads the files that one takes variables from. Compose would not start without one that it needs.
fn beside(file: &Path, bytes: &[u8], texts: &mut BTreeMap<PathBuf, Vec<u8>>, searched: &mut Searched) {
    let named = env_files::in_text(&text::decoded(bytes).unwrap_or_default());
    if named.len() > MANY {
        searched.add(Err(format!("{} names more than {MANY} files with variables", file.display())));
    }
    for EnvFile { name, needed } in named.into_iter().take(MANY) {
        let Some(path) = file.parent().map(|folder| folder.join(name)) else { continue };
        match read(&path) {
            Ok(Some(bytes)) => drop(texts.insert(path, bytes)),
            Ok(None) if needed => searched.add(Err(format!("{} is not there", path.display()))),
            Ok(None) => {}
            Err(why) => searched.add(Err(why)),
        }
    }
}

/// A file that is not there is none of this host's: Compose ran elsewhere, or it was tidied away.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let real = match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        real => real.map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let opened = engine::plain_file(&real).map_err(|error| format!("{}: {error:#}", path.display()))?;
    let mut bytes = Vec::new();
    let read = opened.take(text::MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_a_compose_file_and_beside_it_and_a_file_that_is_gone_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let (file, gone) = (path.join("compose.yaml"), path.join("gone.yaml"));
        std::fs::write(&file, "services:\n  db:\n    env_file: db.env\n    environment:\n      DB_PASSWORD: hunter2\n")
            .unwrap();
        std::fs::write(path.join("db.env"), "API_TOKEN=0a1b2c3d\n").unwrap();
        let found = search(&[file.clone(), gone.clone()], Rules::built_in()).unwrap();
        let places: Vec<String> = found.leaks.iter().map(ToString::to_string).collect();
        let (yaml, env) =
            (format!("{}, line 5 (named so)", file.display()), format!("{}/db.env, line 1 (named so)", path.display()));
        assert_eq!(places, [yaml, env]);
        assert_eq!(search(&[gone], Rules::built_in()), None);
        std::fs::write(&file, "services:\n  db:\n    environment:\n      DB_PASSWORD: ${DB_PASSWORD}\n").unwrap();
        assert_eq!(search(&[file], Rules::built_in()), Some(Searched::default()));
        assert_eq!(search(&[path], Rules::built_in()).map(|found| found.untold.len()), Some(1), "a folder is no file");
    }

    #[test]
    fn what_is_there_and_was_not_read_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let file = path.join("compose.yaml");
        let told = |text: &str| {
            std::fs::write(&file, text).unwrap();
            search(std::slice::from_ref(&file), Rules::built_in()).unwrap_or_default().untold
        };
        assert_eq!(told("a:\n  env_file: gone.env\n").len(), 1, "a file that it names");
        assert_eq!(told("a:\n  env_file:\n    - path: gone.env\n      required: false\n").len(), 0);
        let many: String = (0..40).map(|at| format!("      - {at}.env\n")).collect();
        assert!(told(&format!("a:\n  env_file:\n{many}")).iter().any(|why| why.contains("more than 32")));
        assert_eq!(search(&[file.join("below")], Rules::built_in()).map(|found| found.untold.len()), Some(1));
        let gone: Vec<PathBuf> = (0..40).map(|at| path.join(format!("{at}.yaml"))).collect();
        assert!(search(&gone, Rules::built_in()).unwrap().untold.iter().any(|why| why.contains("more than 32")));
        std::fs::write(path.join("a.env"), "API_TOKEN=0a1b2c3d\n").unwrap();
        std::fs::write(&file, "a:\n  env_file: a.env # note\n").unwrap();
        assert_eq!(search(&[file], Rules::built_in()).unwrap().leaks.len(), 1);
    }
}
