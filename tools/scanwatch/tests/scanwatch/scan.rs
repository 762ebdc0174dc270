//! `scanwatch scan` against a real clamd: one look, nothing touched, an exit status that can be relied on.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Output, Stdio};

use crate::support::{Clamd, TESTFILES, World, eicar, set};
use serde_json::Value;

fn records(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(records: &[Value], action: &str) -> usize {
    records.iter().filter(|record| record["event"]["action"] == action).count()
}

fn scan(world: &World, clamd: &Clamd, args: &[&str]) -> (Vec<Value>, i32) {
    let output = world.command(&["scan"]).arg("--clamd").arg(clamd.socket()).args(args).output().unwrap();
    (records(&output), output.status.code().unwrap())
}

#[test]
fn one_signature_finds_all_files_of_clamav_testfiles() {
    let (clamd, world) = (Clamd::start(), World::new());
    let there = fs::read_dir(TESTFILES).unwrap().count();
    let (records, status) = scan(&world, &clamd, &[TESTFILES]);
    assert_eq!((count(&records, "file-infected"), status), (there, 1));
    assert_eq!(records.last().unwrap()["cellblock"]["counts"]["failed"], there);
}

/// Debian's forensics-samples-files: 30 MB of pictures, sound, films and documents.
const MEDIA: &str = "/usr/share/forensics-samples";

#[test]
fn thirty_megabytes_of_media_and_documents_raise_nothing() {
    let (clamd, world) = (Clamd::start(), World::new());
    let (records, status) = scan(&world, &clamd, &[MEDIA]);
    let scanned = count(&records, "file-scanned");
    assert!(scanned >= 20, "{MEDIA} holds {scanned} files: scripts/setup installs forensics-samples-files");
    let locked: Vec<&Value> = records.iter().filter(|record| record["event"]["action"] == "file-unscanned").collect();
    assert_eq!(records.len(), scanned + locked.len() + 2, "one record each, the engine's and the last");
    // Two of them have a password, and their names say so.
    assert!(locked.iter().all(|record| record["file"]["path"].as_str().unwrap().contains("-pass-")), "{locked:?}");
    assert_eq!((locked.len(), status), (2, 3));
}

#[test]
fn what_is_found_is_told_and_left_alone() {
    let (clamd, world) = (Clamd::start(), World::new());
    fs::write(world.share.join("bad"), eicar()).unwrap();
    fs::write(world.share.join("good.tmp"), "x").unwrap();
    let (records, status) = scan(&world, &clamd, &[world.share.to_str().unwrap()]);
    assert_eq!((count(&records, "file-infected"), count(&records, "file-scanned"), status), (1, 1, 1));
    assert_eq!(fs::read(world.share.join("bad")).unwrap(), eicar());
    assert!(world.jailed("").is_empty());
}

#[test]
fn nothing_found_is_0_and_something_not_scanned_is_3() {
    let world = World::with(|policy| set(&policy, "max_size", "\"1MiB\""));
    let clamd = Clamd::start();
    fs::write(world.share.join("good"), "x").unwrap();
    let share = world.share.to_str().unwrap();
    assert_eq!(scan(&world, &clamd, &[share]).1, 0);
    fs::write(world.share.join("large"), vec![0; 2 << 20]).unwrap();
    assert_eq!(scan(&world, &clamd, &[share]).1, 3);
    fs::write(world.share.join("bad"), eicar()).unwrap();
    assert_eq!(scan(&world, &clamd, &[share]).1, 1, "a finding weighs more");
}

#[test]
fn paths_come_from_standard_input_by_line_or_by_nul() {
    let (clamd, world) = (Clamd::start(), World::new());
    let odd = world.share.join(OsStr::from_bytes(b"odd\nname \xff"));
    fs::write(&odd, eicar()).unwrap();
    fs::write(world.share.join("plain"), "x").unwrap();
    let feed = |args: &[&str], input: &[u8]| {
        let mut command = world.command(&["scan", "-"]);
        command.args(args).arg("--clamd").arg(clamd.socket()).current_dir(&world.share);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        (records(&output), output.status.code().unwrap())
    };
    let mut input = odd.as_os_str().as_bytes().to_vec();
    input.extend(b"\0./plain\0");
    let (told, status) = feed(&["-0"], &input);
    assert_eq!((count(&told, "file-infected"), count(&told, "file-scanned"), status), (1, 1, 1));
    let (told, status) = feed(&[], b"plain\n\n");
    assert_eq!((count(&told, "file-scanned"), status), (1, 0));
    let (told, status) = feed(&[], b"plain\nnot-there\n");
    assert_eq!((count(&told, "file-scanned"), count(&told, "file-unscanned"), status), (1, 1, 3));
    let (told, status) = feed(&[], b"");
    assert_eq!(
        (told.last().unwrap()["event"]["action"].as_str(), status),
        (Some("run-finished"), 3),
        "0 checked is no pass"
    );
}

/// Files that nobody can look into without a password, by name: made with zip, 7z and qpdf; the RAR ones by hand, their
/// headers alone. And an Office document as all of its kind begin (MS-OFFCRYPTO 2.3.1): no bytes of it matter.
fn encrypted() -> Vec<(String, Vec<u8>)> {
    use base64::Engine as _;
    let decoded = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let rows = include_str!("encrypted.tsv").lines().map(|line| line.split_once('\t').unwrap());
    let mut files: Vec<(String, Vec<u8>)> = rows.map(|(name, text)| (name.to_owned(), decoded(text))).collect();
    let package: Vec<u8> = "EncryptedPackage\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let magic = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    files.push(("locked.docx".to_owned(), [&magic[..], &[0; 1016], &package, &[0; 512]].concat()));
    files
}

#[test]
fn what_nobody_can_look_into_is_unscanned_and_not_clean() {
    let (clamd, world) = (Clamd::start(), World::new());
    for (name, bytes) in encrypted() {
        let path = world.share.join(&name);
        fs::write(&path, bytes).unwrap();
        let (records, status) = scan(&world, &clamd, &[path.to_str().unwrap()]);
        assert_eq!((count(&records, "file-unscanned"), status), (1, 3), "{name}: {records:?}");
        assert_eq!(records[1]["cellblock"]["scan"]["why"], "encrypted", "{name}: {records:?}");
    }
    // An Office document that is open, and text that only speaks of it.
    for (name, bytes) in
        [("plain.doc", &b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 nothing"[..]), ("talk.txt", b"EncryptedPackage")]
    {
        let path = world.share.join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(scan(&world, &clamd, &[path.to_str().unwrap()]).1, 0, "{name}");
    }
}

#[test]
fn a_link_is_not_followed_and_not_called_clean() {
    let (clamd, world) = (Clamd::start(), World::new());
    fs::write(world.share.join("good"), "x").unwrap();
    std::os::unix::fs::symlink("good", world.share.join("link")).unwrap();
    let (records, status) = scan(&world, &clamd, &[world.share.join("link").to_str().unwrap()]);
    assert_eq!((count(&records, "file-unscanned"), count(&records, "file-scanned"), status), (1, 0, 3));
}

#[test]
fn an_engine_that_is_not_there_is_an_error_and_no_pass() {
    let world = World::new();
    let output = world.run(&["scan", "/etc/hostname", "--clamd", "/nonexistent/clamd.sock"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("/nonexistent/clamd.sock") && error.contains("does not answer"), "{error}");
}

#[test]
fn an_engine_over_tcp_is_used_when_one_knows_what_cannot_be_checked() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let clamd = Clamd::with(&format!("AlertExceedsMax yes\nAlertEncrypted yes\nTCPSocket {port}\nTCPAddr 127.0.0.1\n"));
    let world = World::new();
    fs::write(world.share.join("bad"), eicar()).unwrap();
    fs::copy(format!("{TESTFILES}/clam.ppt"), world.share.join("bad.ppt")).unwrap();
    fs::write(world.share.join("good"), vec![b'x'; 300_000]).unwrap();
    let address = format!("tcp://127.0.0.1:{port}");
    let share = world.share.to_str().unwrap();
    let output = world.run(&["scan", share, "--clamd", &address]);
    assert_eq!(output.status.code(), Some(2), "its limits cannot be checked");
    let output = world.run(&["scan", share, "--clamd", &address, "--allow-degraded"]);
    let told = records(&output);
    assert_eq!((count(&told, "file-infected"), count(&told, "file-scanned")), (2, 1));
    assert_eq!(output.status.code(), Some(1));
    drop(clamd);
}

#[test]
fn only_what_changed_lately_is_scanned_when_asked_whatever_its_mtime_says() {
    let (clamd, world) = (Clamd::start(), World::new());
    fs::write(world.share.join("old"), "x").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    fs::write(world.share.join("new"), eicar()).unwrap();
    let new = fs::File::options().write(true).open(world.share.join("new")).unwrap();
    new.set_modified(std::time::UNIX_EPOCH).unwrap();
    let share = world.share.to_str().unwrap();
    let (records, status) = scan(&world, &clamd, &[share, "--changed-since", "2s"]);
    assert_eq!((count(&records, "file-infected"), count(&records, "file-scanned"), status), (1, 0, 1));
    assert_eq!(count(&scan(&world, &clamd, &[share, "--changed-since", "1h"]).0, "file-scanned"), 1);
}
