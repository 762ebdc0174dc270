//! `scanwatch hash`: the share by its content, without an engine, whatever the prisoner put there.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::attack::Attacker;
use crate::support::World;
use serde_json::Value;

/// Holds a lease on a file, whatever the kernel asks (fcntl(2)).
const LEASE: &str = "import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('ready', flush=True)
while True: signal.pause()
";

/// The records but the last, which is `run-finished`, and the exit status.
fn hash(world: &World, args: &[&str]) -> (Vec<Value>, i32) {
    let share = world.share.display().to_string();
    records_and_status(world.run(&[&["hash", "--share", &share], args].concat()))
}

fn records_and_status(output: Output) -> (Vec<Value>, i32) {
    let text = String::from_utf8(output.stdout).unwrap();
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.pop().unwrap()["event"]["action"], "run-finished");
    (records, output.status.code().unwrap())
}

/// The same without root's way into every folder.
fn hash_without_privilege(world: &World, closed: &Path) -> (Vec<Value>, i32) {
    let own = world.command(&["hash", "--share", &world.share.display().to_string()]);
    let mut command = Command::new("setpriv");
    if fs::read_dir(closed).is_ok() {
        command.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    records_and_status(command.arg(own.get_program()).args(own.get_args()).output().unwrap())
}

fn outcomes(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["event"]["outcome"].as_str().unwrap()).collect()
}

#[test]
fn every_file_is_told_as_sha256sum_tells_it_and_nothing_else_is_opened() {
    let world = World::new();
    fs::create_dir(world.share.join("sub")).unwrap();
    let names: [&[u8]; 3] = [b"plain", b"sub/with\nbreak", b"sub/\xff"];
    for name in names {
        fs::write(world.share.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(world.share.join("large"), vec![7; (3 << 20) + 1]).unwrap();
    symlink("/etc/passwd", world.share.join("link")).unwrap();
    symlink("/", world.share.join("root")).unwrap();
    assert!(Command::new("mkfifo").arg(world.share.join("fifo")).status().unwrap().success());
    let (records, status) = hash(&world, &[]);
    assert_eq!((records.len(), status), (4, 0), "{records:#?}");
    let theirs = Command::new("sha256sum").args(["plain", "large"]).current_dir(&world.share).output().unwrap();
    for line in String::from_utf8(theirs.stdout).unwrap().lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let path = world.share.join(name).display().to_string();
        let own = records.iter().find(|record| record["file"]["path"] == path).unwrap();
        assert_eq!(own["file"]["hash"]["sha256"], sum);
    }
}

#[test]
fn what_there_was_no_time_or_no_room_for_is_not_known() {
    let world = World::new();
    for number in 0..5 {
        fs::write(world.share.join(number.to_string()), "x").unwrap();
    }
    let (records, status) = hash(&world, &["--timeout", "0s"]);
    assert_eq!((outcomes(&records), status), (vec!["unknown"], 3));
    assert!(records[0]["event"]["reason"].as_str().unwrap().contains("see --timeout"), "{records:?}");
    let (records, status) = hash(&world, &["--most", "2"]);
    assert_eq!((outcomes(&records), status), (vec!["success", "success", "unknown"], 3));
}

/// One command, `truncate -s 1T x`, for which no disk is needed.
#[test]
fn a_file_that_is_too_large_denies_nobody_the_evidence_of_the_others() {
    let world = World::new();
    fs::write(world.share.join("evidence"), "x").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    fs::File::create(world.share.join("sparse")).unwrap().set_len(1 << 40).unwrap();
    let (records, status) = hash(&world, &["--timeout", "6s"]);
    assert_eq!((outcomes(&records), status), (vec!["success", "unknown"], 3), "{records:#?}");
    assert!(records[1]["event"]["reason"].as_str().unwrap().contains("--largest"), "{records:#?}");
    assert!(records[0]["file"]["path"].as_str().unwrap().ends_with("evidence"));
}

#[test]
fn what_is_full_of_holes_comes_behind_all_that_takes_room_on_the_disk() {
    let world = World::new();
    fs::write(world.share.join("evidence"), "x").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    fs::File::create(world.share.join("sparse")).unwrap().set_len(1 << 20).unwrap();
    let (records, status) = hash(&world, &[]);
    assert_eq!((outcomes(&records), status), (vec!["success", "success"], 0));
    assert!(records[0]["file"]["path"].as_str().unwrap().ends_with("evidence"), "{records:#?}");
}

#[test]
fn folders_that_cannot_be_read_end_nothing_and_are_told_as_such() {
    let world = World::new();
    let closed: Vec<_> = (0..80).map(|number| world.share.join(format!("closed-{number}"))).collect();
    for folder in &closed {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o000)).unwrap();
    }
    fs::create_dir(world.share.join("a")).unwrap();
    fs::write(world.share.join("a/evidence"), "x").unwrap();
    let (records, status) = hash_without_privilege(&world, &closed[0]);
    closed.iter().for_each(|folder| fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap());
    let found = records.iter().filter(|record| record["event"]["outcome"] == "success").count();
    assert_eq!((found, records.len(), status), (1, 66, 3), "{records:#?}");
    let reason = records[65]["event"]["reason"].as_str().unwrap();
    assert!(reason.contains("16 more folders"), "{reason}");
}

#[test]
fn a_file_on_which_somebody_holds_a_lease_is_not_known_and_keeps_nobody_waiting() {
    let world = World::new();
    fs::write(world.share.join("leased"), "x").unwrap();
    let _attacker = Attacker::python(LEASE, &[&world.share.join("leased")]);
    let began = std::time::Instant::now();
    let (records, status) = hash(&world, &[]);
    assert_eq!((outcomes(&records), status), (vec!["unknown"], 3));
    assert!(began.elapsed().as_secs() < 20);
}

#[test]
fn a_share_that_is_not_there_is_an_error_and_an_empty_one_is_not() {
    let world = World::new();
    assert_eq!(hash(&world, &[]).1, 0);
    fs::remove_dir(&world.share).unwrap();
    let share = world.share.display().to_string();
    let output = world.run(&["hash", "--share", &share]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot be opened as a folder"));
}
