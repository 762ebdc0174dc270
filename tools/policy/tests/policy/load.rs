//! From a path to a policy: which file, which root, and files that are none.

use std::fs;
use std::path::{Path, PathBuf};

use policy::{Policy, PolicyArgs, locate};
use tempfile::TempDir;

use crate::sample::{DESIGN, SMALLEST};

/// A folder with the sample at a path inside.
fn project(at: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(at);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, DESIGN).unwrap();
    (folder, file)
}

fn error_of(path: &Path) -> String {
    Policy::load(path, None).expect_err("must be refused").to_string()
}

#[test]
fn the_policy_that_cellblock_ships_loads() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/policy.toml");
    let policy = Policy::load(&file, None).unwrap_or_else(|error| panic!("{error}"));
    assert!(policy.root.join("Cargo.toml").exists(), "{}", policy.root.display());
    assert!(!policy.repos.is_empty());
}

#[test]
fn the_shipped_policy_loads_in_the_other_shape_too() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/policy.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("= \"open\"").count(), 1);
    let policy =
        crate::sample::parse(&text.replace("= \"open\"", "= \"proxied\"")).unwrap_or_else(|error| panic!("{error}"));
    assert!(policy.egress_for("cell").next().is_some());
}

#[test]
fn the_root_is_the_folder_above_compose() {
    let (folder, file) = project("compose/policy.toml");
    let root = folder.path().canonicalize().unwrap();
    let policy = Policy::load(&file, None).unwrap();
    assert_eq!((policy.root.as_path(), policy.cell.share.path), (root.as_path(), root.join("sandbox_data")));
}

#[test]
fn the_root_is_the_policys_folder_elsewhere_and_the_flag_wins() {
    let (folder, file) = project("policy.toml");
    assert_eq!(Policy::load(&file, None).unwrap().root, folder.path().canonicalize().unwrap());
    let other = tempfile::tempdir().unwrap();
    let policy = Policy::load(&file, Some(other.path())).unwrap();
    assert_eq!(policy.audit.directory, other.path().canonicalize().unwrap().join("audit"));
}

#[test]
fn a_root_that_is_no_folder_is_refused() {
    let (_folder, file) = project("policy.toml");
    for root in [file.clone(), file.with_file_name("none")] {
        let error = Policy::load(&file, Some(&root)).expect_err("no folder").to_string();
        assert!(error.contains("project root") && error.contains("--root DIR"), "{error}");
    }
}

#[test]
fn what_is_no_regular_text_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let binary = folder.path().join("binary");
    fs::write(&binary, b"[cell]\nnetwork = \"\xff\"\n").unwrap();
    let large = folder.path().join("large");
    fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(error_of(folder.path()).contains("not a regular file"));
    assert!(error_of(&fifo).contains("not a regular file"));
    assert!(error_of(Path::new("/dev/zero")).contains("not a regular file"));
    assert!(error_of(&binary).contains("line 2 is not UTF-8"));
    assert!(error_of(&large).contains("larger than 1MiB"));
    assert!(error_of(&folder.path().join("none")).contains("cannot be read"));
}

#[test]
fn a_file_of_a_mebibyte_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    fs::write(&file, format!("{DESIGN}#{}", "x".repeat((1 << 20) - DESIGN.len() - 1))).unwrap();
    assert!(Policy::load(&file, None).is_ok());
}

#[test]
fn the_flag_comes_before_the_environment_and_the_usual_places() {
    let (_folder, file) = project("policy.toml");
    assert_eq!(locate(Some(&file)).unwrap(), file);
    let args = PolicyArgs { policy: Some(file.clone()), root: None };
    assert_eq!(args.load().unwrap().origin, file);
    let args = PolicyArgs { policy: Some(file.with_file_name("none")), root: None };
    assert!(args.load().is_err(), "a flag that names nothing must not fall back");
}

/// The working directory and the environment belong to the whole process: this one asks a process of its own.
#[test]
fn the_environment_comes_before_the_usual_places() {
    let (folder, _file) = project("compose/policy.toml");
    let (elsewhere, other) = project("other.toml");
    let (here, beyond) = (folder.path(), elsewhere.path());
    assert_eq!(located_from(here, None).unwrap(), "compose/policy.toml");
    assert_eq!(located_from(here, Some("")).unwrap(), "compose/policy.toml");
    assert_eq!(located_from(here, other.to_str()).unwrap(), other.to_str().unwrap());
    fs::write(here.join("policy.toml"), SMALLEST).unwrap();
    assert_eq!(located_from(here, None).unwrap(), "policy.toml");
    if !Path::new("/etc/cellblock/policy.toml").exists() {
        let error = located_from(beyond, None).unwrap_err();
        for place in
            ["policy.toml", "compose/policy.toml", "/etc/cellblock/policy.toml", "--policy FILE", "CELLBLOCK_POLICY"]
        {
            assert!(error.contains(place), "{error}");
        }
    }
}

const ASKED: &str = "CELLBLOCK_TEST_ASKED";

fn located_from(folder: &Path, variable: Option<&str>) -> Result<String, String> {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "load::answers_where_the_policy_is", "--nocapture"]).current_dir(folder).env(ASKED, "1");
    match variable {
        Some(value) => command.env("CELLBLOCK_POLICY", value),
        None => command.env_remove("CELLBLOCK_POLICY"),
    };
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let answer = |mark: &str| output.split(mark).nth(1).map(|rest| rest.lines().next().unwrap_or_default().to_owned());
    match answer("FOUND ") {
        Some(path) => Ok(path),
        None => Err(answer("LOST ").unwrap_or_else(|| panic!("no answer in {output:?}"))),
    }
}

/// The other half of the test above; by itself it checks that asking changes nothing.
#[test]
fn answers_where_the_policy_is() {
    let answer = locate(None);
    if std::env::var_os(ASKED).is_some() {
        match &answer {
            Ok(path) => println!("FOUND {}", path.display()),
            Err(error) => println!("LOST {error}"),
        }
    }
    assert_eq!(answer.map_err(|error| error.to_string()), locate(None).map_err(|error| error.to_string()));
}

#[test]
fn a_policy_under_etc_has_absolute_paths_or_a_root() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can write below /etc");
        return;
    }
    let folder = tempfile::Builder::new().prefix("cellblock-test-").tempdir_in("/etc").unwrap();
    let file = folder.path().join("policy.toml");
    fs::write(&file, DESIGN).unwrap();
    let error = Policy::load(&file, None).expect_err("relative");
    let keys: Vec<&str> = error.faults().iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["cell.share.path", "warden.jail.path", "audit.directory"]);
    assert!(Policy::load(&file, Some(Path::new("/srv"))).is_ok());
    fs::write(&file, SMALLEST).unwrap();
    assert!(error_of(&file).contains("its default, \"sandbox_data\", is relative"));
    let absolute = [
        ("\"sandbox_data\"", "\"/a/share\""),
        ("path = \"jail\"", "path = \"/a/jail\""),
        ("\"audit\"", "\"/a/audit\""),
    ];
    fs::write(&file, absolute.iter().fold(DESIGN.to_owned(), |text, (from, to)| text.replace(from, to))).unwrap();
    assert!(Policy::load(&file, None).is_ok());
}
