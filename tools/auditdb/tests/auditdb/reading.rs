//! `query` and `events`.

use std::io::{BufRead, BufReader};

use super::ingest::terminate;
use super::*;

fn record() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut bad = line("sandboxctl", "control-evaluated", 30);
    bad["event"]["outcome"] = "failure".into();
    bad["event"]["severity"] = 73.into();
    bad["container"] = json!({"name": "cell"});
    let all = [line("scanwatch", "file-scanned", 60), bad, line("netguard", "rule-planned", 90)];
    lines(&run(auditdb(directory.path()).arg("ingest"), &jsonl(&all)), 0);
    directory
}

/// The messages of the events these flags ask for.
fn events(directory: &Path, flags: &[&str]) -> Vec<String> {
    let mut records = lines(&run(auditdb(directory).arg("events").args(flags), b""), 0);
    assert_eq!(records.pop().unwrap()["event"]["action"], "run-finished");
    records.iter().map(|record| record["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn events_come_oldest_first_and_each_flag_narrows_them() {
    let directory = record();
    let path = directory.path();
    assert_eq!(events(path, &[]), ["line 30", "line 60", "line 90"]);
    assert_eq!(events(path, &["--since", "2026-11-22T05:01:00Z"]), ["line 60", "line 90"]);
    assert_eq!(events(path, &["--until", "2026-11-22T05:01:00Z"]), ["line 30"]);
    assert_eq!(events(path, &["--tool", "netguard", "--tool", "scanwatch"]), ["line 60", "line 90"]);
    assert_eq!(events(path, &["--action", "file-scanned"]), ["line 60"]);
    assert_eq!(events(path, &["--outcome", "failure"]), ["line 30"]);
    assert_eq!(events(path, &["--severity", "47"]), ["line 30"]);
    assert_eq!(events(path, &["--container", "cell"]), ["line 30"]);
    assert_eq!(events(path, &["--limit", "2"]), ["line 60", "line 90"]);
    assert_eq!(events(path, &["--tool", "x' OR true --"]), [] as [&str; 0]);
}

#[test]
fn events_follow_what_comes_in() {
    let directory = record();
    let path = directory.path();
    let mut child = start(auditdb(path).args(["events", "--follow", "--action", "ref-moved"]));
    std::thread::sleep(std::time::Duration::from_millis(600));
    lines(
        &run(auditdb(path).arg("ingest"), &jsonl(&[line("auditdb", "ref-moved", 5), line("auditdb", "refs-read", 6)])),
        0,
    );
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["event"]["action"], "ref-moved");
    terminate(&child);
    let last: Vec<String> = told.map(Result::unwrap).collect();
    assert_eq!(last.len(), 1);
    assert!(last[0].contains("run-finished"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_query_answers_in_json_with_times_in_utc() {
    let directory = record();
    let rows = ask(
        directory.path(),
        "SELECT time, severity, [1, 2] AS list, {'a': 1} AS struct, 1 AS x, 2 AS x, NULL AS none FROM records ORDER BY time LIMIT 1;",
    );
    assert_eq!(
        rows[0],
        json!({"time": "2026-11-22T05:00:30.000000Z", "severity": 73, "list": [1, 2], "struct": {"a": 1}, "x": 1, "x_2": 2, "none": null})
    );
    let rows = ask(directory.path(), "SELECT raw->>'$.container.name' AS name FROM records WHERE severity = 73");
    assert_eq!(rows[0]["name"], "cell");
}

#[test]
fn a_query_can_change_and_reach_nothing() {
    let directory = record();
    let path = directory.path();
    let secret = path.join("secret.csv");
    std::fs::write(&secret, "a,b\n1,2\n").unwrap();
    let secret = secret.display();
    for (sql, why) in [
        ("DELETE FROM records".to_owned(), "read-only"),
        ("CREATE TABLE t (a INT)".to_owned(), "read-only"),
        (format!("SELECT * FROM '{secret}'"), "disabled"),
        (format!("SELECT * FROM read_text('{secret}')"), "disabled"),
        (format!("COPY records TO '{}'", path.join("out.csv").display()), "disabled"),
        (format!("ATTACH '{}'", path.join("other.duckdb").display()), "disabled"),
        ("SET enable_external_access = true".to_owned(), "lock"),
        ("RESET lock_configuration".to_owned(), "lock"),
        ("INSTALL httpfs".to_owned(), "disabled"),
        ("LOAD httpfs".to_owned(), "disabled"),
        (
            format!("SELECT 1; COPY records TO '{}'; SELECT 1", path.join("out.csv").display()),
            "one statement at a time",
        ),
        ("SELECT * FROM nothing".to_owned(), "nothing"),
        ("SELECT TIME_NS '12:00:00' AS odd".to_owned(), "odd::VARCHAR"),
        ("SELECT 1; SELECT 2".to_owned(), "one statement at a time"),
        ("".to_owned(), "statement"),
        (";".to_owned(), "statement"),
        ("-- a comment".to_owned(), "statement"),
    ] {
        let output = run(auditdb(path).args(["query", "--", &sql]), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{sql}: {said}");
        assert!(said.contains(why), "{sql}: {said}");
        assert!(output.stdout.is_empty(), "{sql}");
    }
    assert!(!path.join("out.csv").exists());
    assert_eq!(count(path, "true"), 3);
}

#[test]
fn a_query_has_bounds_in_time_and_memory() {
    let directory = record();
    let path = directory.path();
    let endless = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1";
    let output = run(auditdb(path).args(["query", "--timeout", "1", endless]), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("longer than 1 s"));
    let large = "SELECT list(range::VARCHAR) AS l FROM range(30000000)";
    let output = run(auditdb(path).args(["query", "--memory", "64MiB", large]), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().to_lowercase().contains("memory"));
}

#[test]
fn without_a_record_readers_say_how_to_begin_one() {
    let output = run(auditdb(Path::new("/nonexistent/audit")).arg("events"), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("auditdb ingest"));
}
