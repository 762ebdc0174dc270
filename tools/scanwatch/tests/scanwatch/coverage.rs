//! Each row of `coverage.tsv`, with its control, against the tool as it is built and a real clamd. The same
//! table is played against the warden's container by tests/suites/warden.bats.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use crate::support::{Clamd, World, set, until};

struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays the rows that are to be seen `when`, with this time between two rescans.
fn cover(when: &str, rescan: &str, more: &[&str]) {
    let (clamd, world) = (Clamd::start(), World::with(|policy| set(&policy, "rescan", rescan)));
    let (records, outside) = (world.dir.path().join("records"), world.dir.path().join("outside"));
    std::fs::create_dir(&outside).unwrap();
    let mut command = world.command(&["watch"]);
    command.arg("--share").arg(&world.share).arg("--jail").arg(&world.jail).arg("--clamd").arg(clamd.socket());
    let _watching = Watching(command.args(more).stdout(File::create(&records).unwrap()).spawn().unwrap());
    until("it watches", || std::fs::read_to_string(&records).unwrap().contains("rescan-finished"));
    let player = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cover.py");
    let mut command = Command::new("python3");
    command.args([player, when]).args([&world.share, &world.share, &outside, &world.jail, &records]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (told, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && told.contains("held"), "{told}{errors}");
}

#[test]
fn every_way_onto_the_share_that_the_kernel_tells_of_is_seen_at_once() {
    cover("now", "\"1h\"", &[]);
}

#[test]
fn every_way_onto_the_share_that_it_does_not_tell_of_is_seen_by_the_rescan() {
    cover("rescan", "\"2s\"", &[]);
}

#[test]
fn every_way_onto_the_share_that_the_kernel_tells_of_is_seen_through_fanotify_too() {
    cover("now", "\"1h\"", &["--source", "fanotify"]);
}
