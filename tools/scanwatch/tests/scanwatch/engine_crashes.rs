//! Content that the engine dies of: it is given up after four deaths, whatever is done to the file, and nobody else
//! suffers. The engine is the script of `database.rs`, for no file is known that a real one dies of.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::database::Engine;
use crate::support::{Warden, World, set, until};

const VERSION: &str = "ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026";

/// An engine that takes so many seconds a file, and so many to die of one word; and a warden beside it.
fn world(seconds: &str, until_death: &str, more: &[&str]) -> (World, Engine, Warden) {
    within(World::new(), seconds, until_death, more)
}

fn within(world: World, seconds: &str, until_death: &str, more: &[&str]) -> (World, Engine, Warden) {
    let engine = Engine::start(&world);
    engine.is_now(&format!("{VERSION}\nEICAR\n{seconds}\nFATAL\n{until_death}"));
    let warden = world.watch_unverified(engine.socket(), more);
    warden.wait("rescan-finished", |_| true);
    (world, engine, warden)
}

/// Is the file told as one that was not scanned, at least so many times?
fn is_given_up(warden: &Warden, path: &Path, times: usize) -> bool {
    let is_it = |record: &serde_json::Value| {
        record["file"]["path"] == path.to_str().unwrap() && record["event"]["action"] == "file-unscanned"
    };
    warden.records().iter().filter(|record| is_it(record)).count() >= times
}

fn given_up(warden: &Warden, path: &Path, times: usize) {
    until("it is given up", || is_given_up(warden, path, times));
}

/// What a program does that opens a file to write and writes nothing: its content stays.
fn touch(path: &Path) {
    drop(fs::OpenOptions::new().append(true).open(path).unwrap());
}

#[test]
fn what_the_engine_died_of_four_times_is_not_given_to_it_again_by_a_touch_a_copy_or_a_new_name() {
    let (world, engine, warden) = world("0", "0", &[]);
    let fatal = world.share.join("fatal");
    fs::write(&fatal, "a FATAL word").unwrap();
    for number in 0..20 {
        fs::write(world.share.join(format!("beside-{number}")), number.to_string()).unwrap();
    }
    given_up(&warden, &fatal, 1);
    for number in 0..20 {
        warden.wait_file("file-scanned", &world.share.join(format!("beside-{number}")));
    }
    assert_eq!(engine.deaths(), 4);
    touch(&fatal);
    given_up(&warden, &fatal, 2);
    let (copy, name) = (world.share.join("copy"), world.share.join("name"));
    fs::copy(&fatal, &copy).unwrap();
    given_up(&warden, &copy, 1);
    fs::rename(&copy, &name).unwrap();
    given_up(&warden, &name, 1);
    assert_eq!(engine.deaths(), 4);
    fs::write(&fatal, "another word").unwrap();
    warden.wait_file("file-scanned", &fatal);
}

#[test]
fn a_file_that_is_touched_all_the_time_while_the_engine_dies_of_it_is_given_up_all_the_same() {
    let (world, engine, warden) = world("0.2", "0.2", &["--connections", "1"]);
    let (fatal, ends) = (world.share.join("fatal"), AtomicBool::new(false));
    fs::write(&fatal, "a FATAL word").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::SeqCst) {
                touch(&fatal);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        // Without a memory it dies for as long as that goes on.
        until("it is given up", || is_given_up(&warden, &fatal, 1) || engine.deaths() > 6);
        ends.store(true, Ordering::SeqCst);
    });
    assert_eq!(engine.deaths(), 4);
}

/// A prisoner knows one thing that kills the engine. He writes more of it while the malware beside it is looked at.
/// Each has one byte of its own.
#[test]
fn malware_is_not_given_up_for_the_deaths_that_others_caused_while_it_was_tried() {
    let (world, _engine, warden) = world("0.5", "0", &[]);
    let malware = world.share.join("malware");
    fs::write(&malware, "an EICAR word").unwrap();
    for number in 0..25 {
        std::thread::sleep(Duration::from_millis(200));
        fs::write(world.share.join(format!("killer-{number}")), format!("{number} FATAL")).unwrap();
    }
    let is_jailed = |record: &serde_json::Value| {
        record["event"]["action"] == "file-quarantined" && record["file"]["path"] == malware.to_str().unwrap()
    };
    until("it is judged", || is_given_up(&warden, &malware, 1) || warden.records().iter().any(is_jailed));
    assert!(!is_given_up(&warden, &malware, 1), "its guilt is forged");
}

#[test]
fn what_the_engine_dies_of_is_unscanned_and_goes_where_the_policy_has_that_go() {
    let world = World::with(|policy| set(&policy, "on_unscanned", "\"quarantine\""));
    let (world, engine, warden) = within(world, "0", "0", &[]);
    let fatal = world.share.join("fatal");
    fs::write(&fatal, "a FATAL word").unwrap();
    let record = warden.wait_file("file-quarantined", &fatal);
    assert_eq!(record["cellblock"]["scan"]["why"], "kills-engine");
    assert_eq!(engine.deaths(), 4);
}
