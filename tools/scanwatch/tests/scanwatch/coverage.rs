//! Each row of `coverage.tsv`, against a real clamd, with its control.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::support::{Clamd, TESTFILES, Warden, World, eicar, set, until};

const TABLE: &str = include_str!("../coverage.tsv");
const PRELUDE: &str = "import ctypes, mmap, os, pathlib, socket, stat, sys, time
libc = ctypes.CDLL(None)
S, O = map(pathlib.Path, sys.argv[1:3])
BAD, EXE = (open(path, 'rb').read() for path in sys.argv[3:5])
def hold(): time.sleep(600)
";

#[derive(Clone, Copy)]
struct Row {
    what: &'static str,
    when: &'static str,
    outcome: &'static str,
    how: &'static str,
}

fn rows() -> VecDeque<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [what, when, outcome, how] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("four columns: {line}")
            };
            Row { what, when, outcome, how }
        })
        .collect()
}

/// A row's process, ended with the row.
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Stage {
    world: World,
    outside: PathBuf,
}

impl Stage {
    fn new(row: Row) -> Self {
        let rescan = if row.when == "rescan" { "\"2s\"" } else { "\"1h\"" };
        let world = World::with(|policy| set(&policy, "rescan", rescan));
        let outside = world.dir.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        Self { world, outside }
    }

    /// Does what the row says, with this content.
    fn act(&self, row: Row, bad: &[u8], exe: &[u8]) -> Writer {
        let write = |name: &str, content: &[u8]| {
            let path = self.world.dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let (bad, exe) = (write("bad", bad), write("exe", exe));
        let mut command = Command::new("python3");
        command
            .args(["-c", &format!("{PRELUDE}{}", row.how)])
            .arg(&self.world.share)
            .arg(&self.outside)
            .args([bad, exe]);
        let mut writer = Writer(command.stdin(Stdio::null()).spawn().unwrap());
        if !row.how.contains("hold()") {
            assert!(writer.0.wait().unwrap().success(), "{}: its Python failed", row.what);
        }
        writer
    }

    /// The name as the table writes it, with Python's escapes.
    fn path(&self, name: &str) -> PathBuf {
        let mut bytes = Vec::new();
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            let hex = |digits: &str| u8::from_str_radix(digits, 16).unwrap();
            let taken = match rest.get(..2) {
                Some("\\n") => (b"\n".to_vec(), 2),
                Some("\\x") => (vec![hex(&rest[2..4])], 4),
                Some("\\u") => (vec![hex(&rest[4..6])], 6),
                _ => (first.to_string().into_bytes(), first.len_utf8()),
            };
            bytes.extend(taken.0);
            rest = &rest[taken.1..];
        }
        self.world.share.join(OsString::from_vec(bytes))
    }
}

fn told(warden: &Warden, action: &str, path: &std::path::Path, row: Row) -> serde_json::Value {
    // The deep one has a path of its own; it is the only thing there is.
    if row.what.starts_with("nested") {
        return warden
            .wait(action, |record| record["file"]["path"].as_str().is_some_and(|path| path.ends_with("/deep")));
    }
    warden.wait_file(action, path)
}

fn play(row: Row, clamd: &Clamd) {
    let stage = Stage::new(row);
    let warden = stage.world.watch(clamd, &[]);
    let exe = std::fs::read(format!("{TESTFILES}/clam.exe")).unwrap();
    let _writer = stage.act(row, &eicar(), &exe);
    let words: Vec<&str> = row.outcome.split(' ').collect();
    let path = stage.path(words[1]);
    match words[0] {
        "jailed" => {
            let record = told(&warden, "file-quarantined", &path, row);
            let id = record["cellblock"]["scan"]["jail_id"].as_str().unwrap();
            let content = std::fs::read(stage.world.jail.join(id)).unwrap();
            assert!(content.starts_with(&eicar()) || content == exe, "{}: not whole in the jail", row.what);
            assert_eq!(record["event"]["outcome"], "success", "{}: {record}", row.what);
            if !row.what.starts_with("nested") {
                assert!(stage.world.is_tombstone(&path), "{}: no tombstone", row.what);
            }
        }
        "unscanned" => {
            let record = told(&warden, "file-unscanned", &path, row);
            assert_eq!(record["cellblock"]["scan"]["why"], words[2], "{}", row.what);
            assert!(std::fs::symlink_metadata(&path).is_ok(), "{}: it is gone", row.what);
        }
        "stripped" => {
            use std::os::unix::fs::MetadataExt;
            assert_eq!(told(&warden, "set-id-stripped", &path, row)["event"]["outcome"], "success");
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o6000, 0, "{}", row.what);
        }
        "untouched" => {
            std::fs::write(stage.world.share.join("sentinel"), "x").unwrap();
            warden.wait_file("file-scanned", &stage.world.share.join("sentinel"));
            assert_eq!(std::fs::read(stage.outside.join(words[1])).unwrap(), eicar(), "{}", row.what);
            assert_eq!(warden.count("file-quarantined"), 0, "{}", row.what);
        }
        other => panic!("{other} is no outcome"),
    }
    drop(warden);
    if words[0] == "jailed" {
        control(row, clamd);
    }
}

/// The same with harmless content: it is scanned, and stays.
fn control(row: Row, clamd: &Clamd) {
    let stage = Stage::new(row);
    let warden = stage.world.watch(clamd, &[]);
    let exe = std::fs::metadata(format!("{TESTFILES}/clam.exe")).unwrap().len();
    let _writer = stage.act(row, &vec![b'-'; eicar().len()], &vec![b'-'; usize::try_from(exe).unwrap()]);
    let path = stage.path(row.outcome.split(' ').nth(1).unwrap());
    told(&warden, "file-scanned", &path, row);
    assert_eq!(warden.count("file-quarantined"), 0, "{}: harmless, and jailed", row.what);
    assert!(stage.world.jailed("").is_empty());
    if !row.what.starts_with("nested") {
        assert!(std::fs::symlink_metadata(&path).is_ok(), "{}: harmless, and gone", row.what);
    }
}

#[test]
fn every_way_onto_the_share_is_seen() {
    let clamd = Clamd::start();
    let (rows, failed) = (Mutex::new(rows()), Mutex::new(Vec::new()));
    assert!(rows.lock().unwrap().len() >= 30, "the table was read");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(row) = { rows.lock().unwrap().pop_front() } {
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play(row, &clamd))).is_err() {
                        failed.lock().unwrap().push(row.what);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "rows that failed (see above): {failed:?}");
}

#[test]
fn the_names_of_the_table_are_read_as_python_reads_them() {
    let stage = Stage::new(rows()[0]);
    let name = |text: &str| stage.path(text).file_name().unwrap().as_bytes().to_vec();
    assert_eq!(name(r"a\nb"), b"a\nb");
    assert_eq!(name(r"\x1b[2J\x07"), b"\x1b[2J\x07");
    assert_eq!(name(r"\udcff\udcfe"), b"\xff\xfe");
    until("the folder is there", || stage.outside.is_dir());
}
