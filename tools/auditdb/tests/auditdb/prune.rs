//! `prune`: what goes by whose time, and what is still proved, known and small behind it.

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::*;

const LATER: &str = "2100-01-01T00:00:00Z";

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory.join("spool")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn prune(directory: &Path, arguments: &[&str]) -> Vec<Value> {
    lines(&run(auditdb(directory).arg("prune").args(arguments), b""), 0)
}

fn put(directory: &Path, all: &[Value]) {
    lines(&run(auditdb(directory).arg("ingest"), &jsonl(all)), 0);
}

/// A segment whose batches, a provider and its lines, came in so many days ago: by hand, for no writer has that clock.
pub(super) fn old_segment(directory: &Path, n: u32, days: i64, batches: &[(&str, &[Value])]) {
    let received = Timestamp::now() - SignedDuration::from_hours(days * 24);
    let mut text = format!("{{\"segment\":{{\"format\":1,\"created\":\"{received}\",\"pid\":1,\"previous\":null}}}}\n")
        .into_bytes();
    let mut link = Sha256::digest(&text);
    for (provider, all) in batches {
        let body = jsonl(all);
        let head = format!(
            "{{\"batch\":{{\"received\":\"{received}\",\"provider\":\"{provider}\",\"lines\":{},\"bytes\":{}}}",
            all.len(),
            body.len()
        );
        link = Sha256::digest([&link[..], head.as_bytes(), &body].concat());
        let hex: String = link.iter().map(|byte| format!("{byte:02x}")).collect();
        text.extend([format!("{head},\"sha256\":\"{hex}\"}}\n").into_bytes(), body].concat());
    }
    fs::create_dir_all(directory.join("spool")).unwrap();
    let made = format!("{:012x}", received.as_millisecond());
    let name = format!("{}-{}-7000-8000-{n:012}-1.jsonl", &made[..8], &made[8..]);
    fs::write(directory.join("spool").join(name), text).unwrap();
}

#[test]
fn lines_go_after_their_provider_s_time_and_a_segment_with_the_last_of_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (path, policy) = (folder.path().join("audit"), folder.path().join("policy.toml"));
    let sample = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")).unwrap();
    let by: String = sample
        .lines()
        .map(|line| if line.starts_with("retain_by") { String::new() } else { format!("{line}\n") })
        .collect();
    fs::write(&policy, by.replace("[audit]", "[audit]\nretain_by = { egress-proxy = \"30d\" }")).unwrap();
    let (gate, scan) = ([json!({"message": "m"})], [line("scanwatch", "file-scanned", 1)]);
    old_segment(&path, 1, 31, &[("egress-proxy", &gate)]);
    old_segment(&path, 2, 29, &[("egress-proxy", &gate)]);
    old_segment(&path, 3, 31, &[("egress-proxy", &gate), ("scanwatch", &scan)]);
    old_segment(&path, 4, 89, &[("scanwatch", &[line("scanwatch", "file-scanned", 3)])]);
    old_segment(&path, 5, 91, &[("netguard", &[line("netguard", "moat-applied", 2)])]);
    assert_eq!(segments(&path).len(), 5);
    let pruned = lines(&run(auditdb(&path).arg("--policy").arg(&policy).arg("prune"), b""), 0);
    assert_eq!(pruned[0]["cellblock"]["spool"]["lines"], 2);
    let left: Vec<String> = segments(&path).iter().map(|path| path.display().to_string()).collect();
    let is_left = |n: u32| left.iter().any(|name| name.contains(&format!("-{n:012}-1.jsonl")));
    assert_eq!([is_left(1), is_left(2), is_left(3), is_left(4), is_left(5)], [false, true, true, true, false]);
    assert_eq!(count(&path, "provider = 'egress-proxy'"), 2);
    // The spool was there before its key, so nobody known has signed what is left.
    lines(&run(auditdb(&path).arg("verify"), b""), 3);
}

#[test]
fn a_line_that_came_twice_keeps_a_row_while_one_of_them_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let twice = line("scanwatch", "file-infected", 1);
    put(path, std::slice::from_ref(&twice));
    let between = Timestamp::now().to_string();
    put(path, &[twice.clone(), line("scanwatch", "file-scanned", 2)]);
    assert_eq!(count(path, "true"), 2);
    prune(path, &["--older-than", &between]);
    assert_eq!(count(path, "action = 'file-infected'"), 1);
    lines(&run(auditdb(path).arg("verify"), b""), 0);
    // A segment of nothing but repeats goes as well, when its time has come.
    put(path, &[twice]);
    assert_eq!(prune(path, &["--older-than", LATER])[0]["cellblock"]["spool"]["segments"], Value::Null);
    assert_eq!((segments(path).len(), count(path, "provider = 'scanwatch'")), (1, 0));
}

fn log(path: &Path) -> Vec<String> {
    fs::read_to_string(keys(path).join("checkpoints.jsonl")).unwrap().lines().map(str::to_owned).collect()
}

fn verify(path: &Path, anchor: &Path, status: i32) -> Value {
    let found = lines(&run(auditdb(path).arg("--anchor").arg(anchor).arg("verify"), b""), status);
    found[found.len() - 2].clone()
}

/// Rounds of a line and a prune, of which an anchor hears all but some.
fn rounds(path: &Path, anchor: &Path, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let mut ingest = auditdb(path);
        lines(
            &run(ingest.arg("--anchor").arg(anchor).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", n)])),
            0,
        );
        let mut prune = auditdb(path);
        if n % 3 != 0 {
            prune.arg("--anchor").arg(anchor);
        }
        lines(&run(prune.args(["prune", "--older-than", LATER]), b""), 0);
    }
}

#[test]
fn the_log_of_checkpoints_has_a_bound_and_still_convicts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, anchor) = (folder.path().join("audit"), folder.path().join("anchor"));
    rounds(&path, &anchor, 0..4);
    let early = log(&path);
    rounds(&path, &anchor, 4..12);
    let late = log(&path);
    assert!(late.len() <= early.len() && late.len() < 8, "{} lines, then {}", early.len(), late.len());
    // Of each round one line and, but the last, the note of the prune before.
    let told = verify(&path, &anchor, 0);
    assert_eq!(
        told["message"],
        "The record is complete: 1 line, 1 anchored, 0 only signed, 0 only chained; 23 lines of 23 segments were pruned."
    );
    let put_back = |lines: &[String]| {
        fs::write(
            keys(&path).join("checkpoints.jsonl"),
            lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
        )
        .unwrap();
    };
    // The anchor heard of checkpoints that an older log does not know. None may be taken out of this one.
    put_back(&early);
    assert_eq!(verify(&path, &anchor, 1)["event"]["outcome"], "failure");
    put(&path, &[line("scanwatch", "file-scanned", 90)]);
    put_back(&late);
    put(&path, &[line("scanwatch", "file-scanned", 91)]);
    prune(&path, &["--older-than", "2000-01-01T00:00:00Z"]);
    let whole = log(&path);
    for out in 0..whole.len() {
        let less: Vec<String> =
            whole.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, line)| line.clone()).collect();
        put_back(&less);
        let last = out + 1 == whole.len();
        assert_eq!(
            verify(&path, &folder.path().join("none"), if last { 3 } else { 1 })["event"]["outcome"],
            if last { "unknown" } else { "failure" },
            "{}",
            whole[out]
        );
    }
}

#[test]
fn a_segment_that_was_taken_is_missed_also_behind_a_prune() {
    let folder = tempfile::tempdir().unwrap();
    let (path, anchor) = (folder.path().join("audit"), folder.path().join("anchor"));
    rounds(&path, &anchor, 0..1);
    let between = Timestamp::now().to_string();
    let mut ingest = auditdb(&path);
    lines(&run(ingest.arg("--anchor").arg(&anchor).arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", 7)])), 0);
    assert_eq!(count(&path, "action = 'file-infected'"), 1);
    let taken = segments(&path).pop().unwrap();
    fs::remove_file(&taken).unwrap();
    fs::remove_file(path.join("record.duckdb")).unwrap();
    prune(&path, &["--older-than", &between]);
    let found = lines(&run(auditdb(&path).arg("--anchor").arg(&anchor).arg("verify"), b""), 1);
    let name = taken.file_name().unwrap().to_str().unwrap();
    let missed = found.iter().find(|record| record["cellblock"]["spool"]["segment"] == name).unwrap();
    assert!(missed["event"]["reason"].as_str().unwrap().contains("the file is gone"), "{missed}");
}

#[test]
fn the_file_of_the_database_shrinks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let all: Vec<Value> = (0..30_000)
        .map(|n| {
            let mut scanned = line("scanwatch", "file-scanned", n);
            scanned["message"] = format!("{:x}", Sha256::digest(n.to_string())).into();
            scanned
        })
        .collect();
    put(path, &all);
    let between = Timestamp::now().to_string();
    put(path, &[line("scanwatch", "file-infected", 99_999)]);
    assert_eq!(count(path, "true"), 30_001);
    let size = || fs::metadata(path.join("record.duckdb")).unwrap().len();
    let before = size();
    prune(path, &["--older-than", &between]);
    assert_eq!(count(path, "provider = 'scanwatch'"), 1);
    assert!(size() * 2 < before, "{before} bytes, then {}", size());
    assert!(!path.join("record.duckdb.new").exists());
    lines(&run(auditdb(path).arg("verify"), b""), 0);
}
