//! `events` as who knows journalctl expects it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use super::ingest::terminate;
use super::*;

fn record() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut long = line("netguard", "flow-denied", 90);
    long["message"] = format!("line 90 is long: {}", "and longer ".repeat(20)).into();
    put(directory.path(), &[line("scanwatch", "file-scanned", 30), line("scanwatch", "file-scanned", 60), long]);
    directory
}

fn put(directory: &Path, all: &[Value]) {
    lines(&run(auditdb(directory).arg("ingest"), &jsonl(all)), 0);
}

fn said(directory: &Path, flags: &[&str]) -> String {
    let output = run(auditdb(directory).env("TZ", "CET-1").env_remove("COLUMNS").arg("events").args(flags), b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The first two words of the messages alone.
fn messages(directory: &Path, flags: &[&str]) -> Vec<String> {
    let told = said(directory, &[flags, &["-o", "cat"]].concat());
    told.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn n_and_r_and_o_are_journalctl_s() {
    let directory = record();
    let path = directory.path();
    assert_eq!(messages(path, &["-n", "2"]), ["line 60", "line 90"]);
    assert_eq!(messages(path, &["--lines", "1"]), ["line 90"]);
    assert_eq!(messages(path, &["-r"]), ["line 90", "line 60", "line 30"]);
    assert_eq!(messages(path, &["-r", "-n", "2"]), ["line 90", "line 60"]);
    assert_eq!(messages(path, &["-n"]).len(), 3, "-n alone is the newest ten");
    let first = said(path, &["-o", "json"]).lines().next().map(str::to_owned).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["message"], "line 30");
}

#[test]
fn grep_fits_what_a_person_sees_and_goes_with_other_filters() {
    let directory = record();
    let path = directory.path();
    assert_eq!(messages(path, &["--grep", "line [69]0"]), ["line 60", "line 90"]);
    assert_eq!(messages(path, &["-g", "LINE"]), [] as [&str; 0], "a capital is meant");
    assert_eq!(messages(path, &["-g", "flow-DENIED|^scanwatch file-scanned line 30$"]), ["line 30"]);
    assert_eq!(messages(path, &["-g", "0", "--tool", "scanwatch", "--tool", "cell", "-n", "1"]), ["line 60"]);
    let output = run(auditdb(path).args(["events", "--grep", "line ("]), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--grep line ("));
}

#[test]
fn times_are_read_and_shown_where_the_reader_is() {
    let directory = record();
    let path = directory.path();
    assert_eq!(messages(path, &["--since", "2026-11-22 06:01:00", "--until", "2026-11-22T05:01:30Z"]), ["line 60"]);
    assert_eq!(messages(path, &["--since", "2026-11-22", "--until", "2026-11-23"]).len(), 3);
    assert!(
        said(path, &["-o", "short", "-n", "1"]).starts_with("2026-11-22T06:01:30.000+01:00 info netguard flow-denied:")
    );
    let mut now = line("scanwatch", "file-scanned", 7);
    let an_hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    let seconds = an_hour_ago.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let told = run(Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%FT%TZ"]), b"").stdout;
    now["@timestamp"] = String::from_utf8(told).unwrap().trim().into();
    put(path, &[now]);
    for since in ["90m", "2 hours ago", "yesterday", "last week", "1w", "-2h"] {
        assert_eq!(
            messages(path, &[&format!("--since={since}"), "--tool", "scanwatch"]).last().unwrap(),
            "line 7",
            "{since}"
        );
    }
    assert!(!messages(path, &["--since", "30m"]).contains(&"line 7".to_owned()));
}

#[test]
fn text_fits_eighty_columns_and_a_fold_is_indented() {
    let directory = record();
    let told = said(directory.path(), &["--format", "text"]);
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    assert!(told.lines().filter(|line| !line.starts_with("    ")).all(|line| line.starts_with("2026-")), "{told}");
    let whole: Vec<&str> = told.lines().map(str::trim).collect();
    assert!(whole.join(" ").contains(&"and longer ".repeat(20)), "{told}");
}

#[test]
fn a_follower_repeats_and_misses_nothing_across_folds_a_rebuild_and_a_prune() {
    let directory = record();
    let path = directory.path();
    let mut child = start(auditdb(path).args(["events", "--follow", "--tool", "scanwatch", "-o", "cat", "-n", "0"]));
    let mut stderr = child.stderr.take().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || {
        told.next().unwrap_or_else(|| {
            let mut why = String::new();
            stderr.read_to_string(&mut why).unwrap();
            panic!("the follower ended: {why}")
        })
    };
    std::thread::sleep(Duration::from_millis(700));
    for n in 1..=3 {
        put(path, &[line("scanwatch", "file-scanned", n)]);
        assert_eq!(next(), format!("line {n}"));
    }
    lines(&run(auditdb(path).arg("rebuild"), b""), 0);
    put(path, &[line("scanwatch", "file-scanned", 4)]);
    assert_eq!(next(), "line 4");
    std::thread::sleep(Duration::from_millis(1100));
    lines(&run(auditdb(path).args(["prune", "--older-than", "1s"]), b""), 0);
    lines(&run(auditdb(path).arg("rebuild"), b""), 0);
    put(path, &[line("scanwatch", "file-scanned", 5), line("scanwatch", "file-scanned", 4)]);
    assert_eq!(next(), "line 4", "the one before is gone, so this one is no repeat");
    assert_eq!(next(), "line 5");
    terminate(&child);
    let rest = told.count();
    assert_eq!(rest, 0, "it repeated something");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_follower_with_nothing_to_do_sleeps() {
    let directory = record();
    let child = start(auditdb(directory.path()).args(["events", "--follow"]));
    let switches = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        let of = |text: String| {
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
        };
        tasks
            .map(|task| of(fs::read_to_string(task.unwrap().path().join("status")).unwrap()).unwrap_or(0_u64))
            .sum::<u64>()
    };
    // On a busy machine the first look takes long; a follower that looks four times a second never has such a second.
    let quiet = (0..20).any(|_| {
        let before = switches();
        std::thread::sleep(Duration::from_secs(1));
        before > 0 && switches() == before
    });
    assert!(quiet, "it wakes up although nothing changes");
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("run-finished"));
}

#[test]
fn a_follower_ends_with_its_reader_and_waits_for_no_line() {
    let directory = record();
    let mut child = start(auditdb(directory.path()).args(["events", "-f", "-o", "cat", "-n", "1"]));
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(told.next().unwrap().unwrap().starts_with("line 90"));
    assert!(child.try_wait().unwrap().is_none(), "it ended although somebody reads it");
    drop(told);
    let ended = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        child.try_wait().unwrap()
    });
    let _ = child.kill();
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}

#[test]
fn a_follower_on_a_record_without_a_spool_sees_the_first_line() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start(auditdb(directory.path()).args(["events", "-f", "-o", "cat"]));
    std::thread::sleep(Duration::from_millis(700));
    put(directory.path(), &[line("scanwatch", "file-scanned", 1)]);
    let told = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    assert_eq!(told, "line 1");
    terminate(&child);
    child.wait().unwrap();
}

#[test]
fn a_line_without_a_time_is_shown_under_the_time_at_which_it_was_received() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&run(auditdb(path).args(["ingest", "--provider", "cell"]), b"{\"message\":\"no time\"}\n"), 0);
    let received = ask(path, "SELECT strftime(received, '%H:%M:%S.%g') AS at FROM records")[0]["at"].clone();
    std::thread::sleep(Duration::from_millis(20));
    let output = run(auditdb(path).env("TZ", "UTC").args(["events", "-o", "short"]), b"");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.lines().next().unwrap().contains(received.as_str().unwrap()), "{received} / {shown}");
}
