//! Other signatures: what the older ones called clean is scanned again, the newest first, behind what is new. A real
//! clamd has a version for its official database only. So for that the engine is a script that speaks its protocol;
//! signatures of one's own are put into a real one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use crate::support::{Clamd, Warden, World, until};

pub(crate) struct Engine {
    child: Child,
    socket: PathBuf,
    script: PathBuf,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    pub(crate) fn start(world: &World) -> Self {
        let (socket, script) = (world.dir.path().join("engine.sock"), world.dir.path().join("version"));
        set(&script, YESTERDAY);
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine.py");
        let child = Command::new("python3").arg(program).arg(&socket).arg(&script).spawn().unwrap();
        // Its file is there a moment before anybody listens at it.
        until("the engine listens", || UnixStream::connect(&socket).is_ok());
        Self { child, socket, script }
    }

    pub(crate) fn is_now(&self, text: &str) {
        set(&self.script, text);
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// How often it died of the word in its fourth line.
    pub(crate) fn deaths(&self) -> usize {
        let mut file = self.script.clone().into_os_string();
        file.push(".deaths");
        fs::read_to_string(file).map_or(0, |text| text.lines().count())
    }
}

/// In one step: the engine reads it while we write.
fn set(path: &Path, text: &str) {
    fs::write(path.with_extension("new"), text).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

const YESTERDAY: &str = "ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026\nEICAR";
const TODAY: &str = "ClamAV 1.4.6/27501/Sun Nov 22 09:00:00 2026\nEICAR NOVEL";
/// The same, with the seconds that each file takes.
const TODAY_SLOWLY: &str = "ClamAV 1.4.6/27501/Sun Nov 22 09:00:00 2026\nEICAR\n0.2";

/// Files named 0, 1, 2 …, each of a later tick of the clock than the one before.
fn write_one_by_one(world: &World, count: usize) {
    for number in 0..count {
        fs::write(world.share.join(number.to_string()), "nothing").unwrap();
        std::thread::sleep(Duration::from_millis(30));
    }
    // Older than a tick, so that what is judged is known.
    std::thread::sleep(Duration::from_millis(100));
}

/// The names of the files that were scanned, in the order of their records, from the change on.
fn scanned_again(warden: &Warden) -> Vec<String> {
    let records = warden.records();
    let from = records.iter().position(|record| record["event"]["action"] == "signatures-changed").unwrap();
    let scanned = records[from..].iter().filter(|record| record["event"]["action"] == "file-scanned");
    let name = |path: &str| Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
    scanned.map(|record| name(record["file"]["path"].as_str().unwrap())).collect()
}

#[test]
fn what_older_signatures_called_clean_is_scanned_again_with_newer_ones() {
    let world = World::new();
    let engine = Engine::start(&world);
    fs::write(world.share.join("yesterdays"), "NOVEL, and unknown yesterday").unwrap();
    fs::write(world.share.join("harmless"), "nothing").unwrap();
    // Older than the clock's tick, so that what is judged is known.
    std::thread::sleep(Duration::from_millis(100));

    let warden = world.watch_unverified(&engine.socket, &[]);
    let record = warden.wait_file("file-scanned", &world.share.join("yesterdays"));
    assert_eq!(record["rule"]["ruleset"], "clamav 27500");
    engine.is_now(TODAY);
    warden.wait("signatures-changed", |record| record["message"].as_str().unwrap().contains("27501"));
    let record = warden.wait_file("file-quarantined", &world.share.join("yesterdays"));
    assert_eq!(record["rule"]["ruleset"], "clamav 27501");
    assert_eq!(record["rule"]["name"], "NOVEL-Signature");
    warden.wait("rescan-finished", |record| record["cellblock"]["scan"]["walk"] == "database");
    until("the harmless one is scanned again too", || scanned_again(&warden).contains(&"harmless".to_owned()));
}

#[test]
fn with_newer_signatures_the_newest_file_is_scanned_first() {
    let world = World::new();
    let engine = Engine::start(&world);
    write_one_by_one(&world, 8);
    // By ctime: a time that its writer made up changes nothing.
    let oldest = fs::File::options().write(true).open(world.share.join("3")).unwrap();
    oldest.set_modified(std::time::UNIX_EPOCH).unwrap();
    drop(oldest);
    std::thread::sleep(Duration::from_millis(100));
    let warden = world.watch_unverified(&engine.socket, &["--connections", "1"]);
    for number in 0..8 {
        warden.wait_file("file-scanned", &world.share.join(number.to_string()));
    }
    engine.is_now(TODAY);
    warden.wait("signatures-changed", |_| true);
    until("all are scanned again", || scanned_again(&warden).len() >= 8);
    assert_eq!(scanned_again(&warden), ["3", "7", "6", "5", "4", "2", "1", "0"]);
}

#[test]
fn what_is_new_goes_before_what_is_scanned_again() {
    let world = World::new();
    let engine = Engine::start(&world);
    write_one_by_one(&world, 40);
    let warden = world.watch_unverified(&engine.socket, &["--connections", "1"]);
    for number in 0..40 {
        warden.wait_file("file-scanned", &world.share.join(number.to_string()));
    }
    engine.is_now(TODAY_SLOWLY);
    warden.wait("signatures-changed", |_| true);
    fs::write(world.share.join("new"), "nothing").unwrap();
    until("all are scanned again", || scanned_again(&warden).len() >= 41);
    let order = scanned_again(&warden);
    let place = order.iter().position(|name| name == "new").unwrap();
    assert!(place < 39, "behind {place} of 40: {order:?}");
}

/// Signatures of one's own into the engine's database, as its container does it.
fn install(from: &Path, clamd: &Clamd) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/images/clamd/custom-signatures");
    Command::new(script).arg(from).arg(clamd.dir.path().join("db")).output().unwrap()
}

fn ask(clamd: &Clamd, command: &str) -> String {
    let mut socket = UnixStream::connect(clamd.socket()).unwrap();
    socket.write_all(format!("z{command}\0").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// `Our-Own-Word:0:*:hex` for a text.
fn signature(name: &str, text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:0:*:{hex}\n")
}

#[test]
fn signatures_of_ones_own_are_noticed_although_the_engines_version_stays() {
    let (clamd, world) = (Clamd::start(), World::new());
    let own = world.dir.path().join("own");
    fs::create_dir(&own).unwrap();
    assert!(install(&own, &clamd).status.success());
    ask(&clamd, "RELOAD");
    fs::write(world.share.join("report"), "the codeword is xylophone-forty-two").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let warden = world.watch(&clamd, &[]);
    warden.wait_file("file-scanned", &world.share.join("report"));
    let before = ask(&clamd, "VERSION");

    fs::write(own.join("words.ndb"), signature("Our-Own-Word", "xylophone-forty-two")).unwrap();
    let installed = install(&own, &clamd);
    assert!(installed.status.success(), "{installed:?}");
    ask(&clamd, "RELOAD");
    let name = String::from_utf8(installed.stdout).unwrap().trim().to_owned();
    let record = warden.wait("signatures-changed", |_| true);
    assert!(record["rule"]["ruleset"].as_str().unwrap().ends_with(&format!("own {name}")), "{record}");
    let record = warden.wait_file("file-quarantined", &world.share.join("report"));
    assert_eq!(record["rule"]["name"], "Our-Own-Word.UNOFFICIAL");
    assert_eq!(ask(&clamd, "VERSION"), before, "the control: its version tells nothing of it");
}

#[test]
fn a_broken_signature_is_refused_with_its_line_and_the_set_before_goes_on() {
    let (clamd, world) = (Clamd::start(), World::new());
    let own = world.dir.path().join("own");
    fs::create_dir(&own).unwrap();
    let good = "rule good { strings: $a = \"xylophone-forty-two\" condition: $a }\n";
    fs::write(own.join("good.yar"), good).unwrap();
    let first = install(&own, &clamd);
    assert!(first.status.success(), "{first:?}");
    ask(&clamd, "RELOAD");
    for (file, content, expected) in [
        ("rules.yar", format!("{good}rule other {{ strings: $a = \"abcdef\" condition: $b }}\n"), "rules.yar line 2: "),
        ("words.ndb", signature("A", "abcdef") + "B:0:*:no-hex\n", "words.ndb line 2: "),
        ("hashes.hsb", "nonsense\n".to_owned(), "hashes.hsb line 1: "),
        ("empty.ndb", String::new(), "empty.ndb"),
        ("rules.txt", good.to_owned(), "rules.txt: ClamAV loads no file with this ending"),
        ("a b.yar", good.to_owned(), "file name"),
    ] {
        fs::write(own.join(file), content).unwrap();
        let refused = install(&own, &clamd);
        let why = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{file}");
        assert!(why.contains(expected) && why.trim().lines().count() == 1, "{file}: {why}");
        fs::remove_file(own.join(file)).unwrap();
        let there = clamd.dir.path().join("db").join(format!("custom.{file}"));
        assert!(!there.exists(), "{file} was installed");
    }
    // What was there is there still, and in force.
    fs::write(world.share.join("report"), "xylophone-forty-two").unwrap();
    let warden = world.watch(&clamd, &[]);
    let record = warden.wait_file("file-quarantined", &world.share.join("report"));
    assert_eq!(record["rule"]["name"], "YARA.good.UNOFFICIAL");
    // And taken out it is gone.
    fs::remove_file(own.join("good.yar")).unwrap();
    assert!(install(&own, &clamd).status.success());
    assert!(!clamd.dir.path().join("db/custom.good.yar").exists());
}
