//! What nobody may add to the record: behind the end of a segment, beside the others, or in the place of a lost key.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::*;

const LATER: &str = "2100-01-01T00:00:00Z";

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory.join("spool")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn put(directory: &Path, numbers: std::ops::Range<u32>) -> Output {
    let all: Vec<Value> = numbers.map(|n| line("scanwatch", "file-scanned", n)).collect();
    run(auditdb(directory).arg("ingest"), &jsonl(&all))
}

fn verify(directory: &Path, status: i32) -> Vec<Value> {
    lines(&run(auditdb(directory).arg("verify"), b""), status)
}

/// Why a segment is not as it was written.
fn reason<'a>(found: &'a [Value], segment: &str) -> &'a str {
    let told = found.iter().find(|record| record["cellblock"]["spool"]["segment"] == segment).unwrap();
    assert_eq!(told["event"]["outcome"], "failure", "{told}");
    told["event"]["reason"].as_str().unwrap()
}

/// Appends a batch whose hash follows from what stands before it, as who can write the folder can.
fn forge(segment: &Path, lines: &[Value]) {
    let mut text = fs::read(segment).unwrap();
    let head = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let last = String::from_utf8_lossy(&text).rfind("\"sha256\":\"").map(|at| at + 10);
    let link = match last {
        Some(at) => (0..32)
            .map(|n| u8::from_str_radix(std::str::from_utf8(&text[at + 2 * n..at + 2 * n + 2]).unwrap(), 16).unwrap())
            .collect(),
        None => Sha256::digest(&text[..head]).to_vec(),
    };
    let body = jsonl(lines);
    let covered = format!(
        "{{\"batch\":{{\"received\":\"{}\",\"provider\":null,\"lines\":{},\"bytes\":{}}}",
        Timestamp::now(),
        lines.len(),
        body.len()
    );
    let hex: String = Sha256::digest([&link[..], covered.as_bytes(), &body].concat())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    text.extend([format!("{covered},\"sha256\":\"{hex}\"}}\n").into_bytes(), body].concat());
    fs::write(segment, text).unwrap();
}

#[test]
fn a_line_behind_the_end_of_a_closed_segment_is_named() {
    for folded in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        lines(&put(path, 0..100), 0);
        let segment = &segments(path)[0];
        let added = line("scanwatch", "file-infected", 777);
        forge(segment, std::slice::from_ref(&added));
        if folded {
            assert_eq!(count(path, "true"), 101);
        }
        let found = verify(path, 1);
        let why = reason(&found, name(segment));
        let id = added["event"]["id"].as_str().unwrap();
        assert!(why.contains("line 101 ") && why.contains(id) && why.contains("100 lines"), "{why}");
    }
}

#[test]
fn what_a_writer_does_right_now_or_left_when_it_was_killed_is_no_addition() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&put(path, 0..3), 0);
    let mut child = start(auditdb(path).args(["ingest", "--tee"]));
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        for n in 10..200_000 {
            if stdin.write_all(&jsonl(&[line("scanwatch", "file-scanned", n)])).is_err() {
                return;
            }
        }
    });
    let mut told = child.stdout.take().unwrap();
    let drain = std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()).unwrap());
    for n in 4..7 {
        lines(&put(path, n..n + 1), 0);
        verify(path, 0);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    feeder.join().unwrap();
    drain.join().unwrap();
    verify(path, 0);
}

#[test]
fn a_segment_that_was_pruned_and_put_back_is_found_and_a_prune_that_was_killed_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&put(path, 0..2), 0);
    lines(&put(path, 2..4), 0);
    let all: Vec<_> = segments(path).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let log = keys(path).join("checkpoints.jsonl");
    let prune = |time: &str| lines(&run(auditdb(path).args(["prune", "--older-than", time]), b""), 0);
    prune(LATER);
    verify(path, 0);
    for (bytes, segment) in &all {
        fs::write(segment, bytes).unwrap();
        assert!(reason(&verify(path, 1), name(segment)).contains("put back"));
        fs::remove_file(segment).unwrap();
    }
    verify(path, 0);
    // The files of a newer one cannot be removed: the tombstones are signed, and that is how far a killed prune comes.
    lines(&put(path, 4..6), 0);
    let left = segments(path);
    let before = fs::read_to_string(&log).unwrap().lines().count();
    let status = Command::new("chattr").arg("+i").args(&left).status();
    if !status.is_ok_and(|status| status.success()) {
        return;
    }
    let failed = run(auditdb(path).args(["prune", "--older-than", LATER]), b"");
    Command::new("chattr").arg("-i").args(&left).status().unwrap();
    assert_eq!(failed.status.code(), Some(2));
    assert!(fs::read_to_string(&log).unwrap().lines().count() > before);
    let found = verify(path, 0);
    assert!(found[0]["event"]["reason"].as_str().unwrap().contains("the next one does"), "{}", found[0]);
    // It is finished whatever the time.
    prune("2000-01-01T00:00:00Z");
    assert!(left.iter().all(|segment| !segment.exists()));
    verify(path, 0);
}

#[test]
fn a_copy_of_a_segment_under_another_name_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&put(path, 0..2), 0);
    let segment = segments(path).remove(0);
    let later = format!("ffff{}", &name(&segment)[4..]);
    let pid = name(&segment).replace(".jsonl", "9.jsonl");
    for copy in ["zzz-1.jsonl", later.as_str(), pid.as_str()] {
        let copied = segment.with_file_name(copy);
        fs::copy(&segment, &copied).unwrap();
        assert!(reason(&verify(path, 1), copy).contains("its name"), "{copy}");
        fs::remove_file(copied).unwrap();
    }
    verify(path, 0);
}

#[test]
fn two_segments_in_each_other_s_place_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&put(path, 0..2), 0);
    lines(&put(path, 2..4), 0);
    let [one, other] = &segments(path)[..] else { panic!("two segments") };
    let aside = one.with_file_name("aside");
    for (from, to) in [(one, &aside), (other, one), (&aside, other)] {
        fs::rename(from, to).unwrap();
    }
    let found = verify(path, 1);
    assert!([one, other].iter().all(|segment| !reason(&found, name(segment)).is_empty()));
}

#[test]
fn a_key_that_was_lost_does_not_heal_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let first = put(path, 0..5);
    lines(&first, 0);
    assert!(first.stderr.is_empty(), "{}", String::from_utf8_lossy(&first.stderr));
    fs::remove_dir_all(keys(path)).unwrap();
    let second = put(path, 5..6);
    assert_eq!(second.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&second.stderr).contains("came before any checkpoint"), "{second:?}");
    assert!(put(path, 6..7).stderr.is_empty(), "told once");
    assert_eq!(count(path, "provider = 'auditdb' AND action = 'record-verified' AND outcome = 'unknown'"), 1);
    let found = verify(path, 3);
    let why = found[found.len() - 2]["event"]["reason"].as_str().unwrap();
    assert!(why.contains("1 segment was there") && why.contains("no known key"), "{why}");
    // Prune signs too, and must not make it good in silence.
    fs::remove_dir_all(keys(path)).unwrap();
    let pruned = run(auditdb(path).args(["prune", "--older-than", "2000-01-01T00:00:00Z"]), b"");
    assert_eq!(pruned.status.code(), Some(0));
    verify(path, 3);
}

#[test]
fn a_record_that_is_gone_with_its_folder_is_no_slip_of_the_pen() {
    let directory = tempfile::tempdir().unwrap();
    let (path, anchor) = (directory.path().join("audit"), directory.path().join("anchor"));
    let with = |command: &str, input: &[u8]| run(auditdb(&path).arg("--anchor").arg(&anchor).arg(command), input);
    assert_eq!(with("verify", b"").status.code(), Some(2), "there never was one");
    lines(&with("ingest", &jsonl(&[line("scanwatch", "file-infected", 1)])), 0);
    fs::remove_dir_all(&path).unwrap();
    let found = lines(&with("verify", b""), 1);
    assert!(found[0]["event"]["reason"].as_str().unwrap().contains("the file is gone"), "{}", found[0]);
    fs::remove_dir_all(keys(&path)).unwrap();
    lines(&with("verify", b""), 1);
    assert!(!path.exists());
}

#[test]
fn a_hundred_thousand_lines_that_came_twice_are_checked_in_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for _ in 0..2 {
        lines(&put(path, 0..100_000), 0);
    }
    let began = Instant::now();
    assert_eq!(count(path, "true"), 100_000);
    verify(path, 0);
    fs::remove_file(keys(path).join("database")).unwrap();
    assert_eq!(count(path, "true"), 100_000);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_proof_of_an_older_key_is_checked_with_what_key_show_prints() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&put(path, 0..3), 0);
    run(auditdb(path).args(["key", "rotate"]), b"");
    lines(&put(path, 3..4), 0);
    let shown = String::from_utf8(run(auditdb(path).args(["key", "show"]), b"").stdout).unwrap();
    let older = shown.lines().nth(1).unwrap();
    for (n, key, status) in [(1, shown.as_str(), 0), (1, older, 0), (3, &shown, 0), (3, older, 1)] {
        let id = format!("019aa9b5-2a80-7c3e-9d6e-{n:012}");
        let proof = run(auditdb(path).args(["prove", &id]), b"").stdout;
        assert_eq!(
            run(auditdb(path).args(["verify", "--proof", "-", "--key", key]), &proof).status.code(),
            Some(status)
        );
    }
}

#[test]
fn a_whole_segment_that_nobody_signed_is_no_pass() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&put(path, 0..100), 0);
    verify(path, 0);
    let own = segments(path);
    // Behind it and before it: the time in a name is whatever its writer likes.
    for (n, days) in [(1, 1), (2, -1)] {
        super::prune::old_segment(path, n, days, &[("egress-proxy", &[line("egress-proxy", "request-refused", n)])]);
    }
    let found = verify(path, 3);
    for segment in segments(path) {
        let told = found.iter().find(|told| told["cellblock"]["spool"]["segment"] == name(&segment)).unwrap();
        let expected = if own.contains(&segment) { "success" } else { "unknown" };
        assert_eq!(told["event"]["outcome"], expected, "{told}");
    }
    let whole = found.iter().find(|told| told["event"]["action"] == "record-verified").unwrap();
    assert_eq!(whole["event"]["outcome"], "unknown", "{whole}");
    assert_eq!(whole["event"]["reason"], "2 segments were signed by nobody", "{whole}");
}
