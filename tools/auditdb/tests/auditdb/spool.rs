//! The spool: bound, crashes, tampering, and many at once.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::*;

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory.join("spool")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn killed_at_any_time_it_has_lost_nothing_that_it_passed_on() {
    for round in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut child = start(auditdb(path).args(["ingest", "--tee"]));
        let mut stdin = child.stdin.take().unwrap();
        let feeder = thread::spawn(move || {
            for n in 0.. {
                if stdin.write_all(&jsonl(&[line("scanwatch", "file-scanned", n)])).is_err() {
                    return;
                }
            }
        });
        let mut acknowledged = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut got: Vec<String> = acknowledged.by_ref().take(100 * (round + 1)).map(Result::unwrap).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        // The last of these may be cut: it was acknowledged only with its break.
        let rest: Vec<String> = acknowledged.map_while(Result::ok).collect();
        got.extend(rest.into_iter().filter(|line| serde_json::from_str::<Value>(line).is_ok()));
        feeder.join().unwrap();
        let kept = run(auditdb(path).arg("events"), b"");
        let kept = String::from_utf8(kept.stdout).unwrap();
        let kept: std::collections::BTreeSet<&str> = kept.lines().collect();
        assert!(got.iter().all(|line| kept.contains(line.as_str())), "round {round}");
        lines(&run(auditdb(path).arg("verify"), b""), 0);
    }
}

#[test]
fn many_writers_and_readers_at_once_lose_nothing_and_double_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let writers: Vec<_> = (0..4u32)
        .map(|writer| {
            let path = path.clone();
            thread::spawn(move || {
                for part in 0..3u32 {
                    let all: Vec<Value> = (0..200)
                        .map(|n| line("scanwatch", "file-scanned", writer * 10_000 + part * 1000 + n))
                        .collect();
                    lines(&run(auditdb(&path).arg("ingest"), &jsonl(&all)), 0);
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let path = path.clone();
            thread::spawn(move || {
                for _ in 0..6 {
                    let output = run(
                        auditdb(&path).args(["query", "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM records"]),
                        b"",
                    );
                    if output.status.code() == Some(0) {
                        let row = &lines(&output, 0)[0];
                        assert_eq!(row["n"], row["ids"]);
                    } else {
                        assert!(
                            !path.is_dir() || output.status.code() == Some(3),
                            "{}",
                            String::from_utf8_lossy(&output.stderr)
                        );
                    }
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(count(&path, "true"), 2400);
}

#[test]
fn a_full_spool_makes_writers_wait_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    let policy = directory.path().join("policy.toml");
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")).unwrap();
    let bounded: String = shipped
        .lines()
        .map(|line| if line.starts_with("spool") { "spool = \"1MiB\"\n".to_owned() } else { format!("{line}\n") })
        .collect();
    assert!(bounded.contains("spool = \"1MiB\""), "the shipped policy has no line for the spool");
    fs::write(&policy, bounded).unwrap();
    let mut child = start(auditdb(&path).arg("ingest").arg("--policy").arg(&policy));
    let mut stdin = child.stdin.take().unwrap();
    let feeder = thread::spawn(move || {
        for n in 0..8000 {
            stdin.write_all(&jsonl(&[line("scanwatch", "file-scanned", n)])).unwrap();
        }
    });
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let filled: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    assert_eq!(filled["event"]["action"], "spool-filled");
    thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    // Room is made by folding and pruning; here the folded segments are taken away.
    let before = count(&path, "provider = 'scanwatch'");
    segments(&path).iter().for_each(|segment| fs::remove_file(segment).unwrap());
    let mut last = Value::Null;
    for line in told {
        last = serde_json::from_str(&line.unwrap()).unwrap();
        if last["event"]["action"] == "spool-filled" {
            count(&path, "true");
            segments(&path).iter().for_each(|segment| fs::remove_file(segment).unwrap());
        }
    }
    feeder.join().unwrap();
    assert_eq!(last["cellblock"]["counts"]["passed"], 8000);
    assert!(before < 8000);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_was_changed_in_the_spool_is_found_and_not_folded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", 1)])), 0);
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 2)])), 0);
    let segment = &segments(path)[0];
    let text = fs::read_to_string(segment).unwrap();
    fs::write(segment, text.replace("file-infected", "file-scanned!")).unwrap();
    let found = lines(&run(auditdb(path).arg("verify"), b""), 1);
    assert_eq!(found[0]["event"]["outcome"], "failure");
    assert_eq!(found[1]["event"]["outcome"], "success");
    let output = run(auditdb(path).arg("events"), b"");
    let events = lines(&output, 3);
    assert_eq!(actions(&events), ["file-scanned", "run-finished"]);
    assert_eq!(events[1]["event"]["outcome"], "unknown");
    assert!(String::from_utf8(output.stderr).unwrap().contains("damaged"));
}

#[test]
fn what_was_taken_away_after_it_was_folded_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for n in 1..=2 {
        lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", n)])), 0);
    }
    assert_eq!(count(path, "true"), 2);
    lines(&run(auditdb(path).arg("verify"), b""), 0);
    let [first, second] = &segments(path)[..] else { panic!() };
    fs::remove_file(first).unwrap();
    let text = fs::read_to_string(second).unwrap();
    fs::write(second, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let found = lines(&run(auditdb(path).arg("verify"), b""), 1);
    assert_eq!(actions(&found), ["segment-verified", "segment-verified", "record-verified", "run-finished"]);
    assert_eq!(found[3]["cellblock"]["counts"]["failed"], 3);
}

#[test]
fn a_torn_tail_is_left_alone_and_what_stands_before_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    let segment = &segments(path)[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes.extend_from_slice(b"{\"batch\":{\"received\":\"2026-11");
    fs::write(segment, bytes).unwrap();
    assert_eq!(count(path, "true"), 1);
    let found = lines(&run(auditdb(path).arg("verify"), b""), 0);
    assert!(found[0]["event"]["reason"].as_str().unwrap().contains("never acknowledged"));
}

#[test]
fn the_database_can_be_made_again_from_the_spool() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let all: Vec<Value> = (0..100).map(|n| line("scanwatch", "file-scanned", n)).collect();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&all)), 0);
    let query = "SELECT * EXCLUDE seq FROM records WHERE action = 'file-scanned' ORDER BY time, id";
    let before = run(auditdb(path).args(["query", query]), b"");
    fs::write(path.join("record.duckdb"), b"no database at all").unwrap();
    let told = lines(&run(auditdb(path).arg("rebuild"), b""), 3);
    assert_eq!(told[0]["cellblock"]["spool"]["lines"], 100);
    assert!(told[0]["event"]["reason"].as_str().unwrap().contains("it may have held more"), "{}", told[0]);
    let after = run(auditdb(path).args(["query", query]), b"");
    assert_eq!(before.stdout, after.stdout);
    assert_eq!(count(path, "action = 'database-rebuilt'"), 1, "it stands in the record");
    let again = lines(&run(auditdb(path).arg("rebuild"), b""), 0);
    assert_eq!(again[0]["cellblock"]["spool"]["lines"], 101);
}

/// Ways in which a database breaks.
const BREAKS: [&str; 7] = [
    "garbage",
    "empty",
    "cut off in its head",
    "cut off",
    "of somebody else",
    "a folder",
    "a log of which a byte flipped",
];

fn break_database(database: &Path, way: &str) {
    let cut = |length: u64| fs::OpenOptions::new().write(true).open(database).unwrap().set_len(length).unwrap();
    match way {
        "garbage" => fs::write(database, b"no database at all").unwrap(),
        "empty" => fs::write(database, b"").unwrap(),
        "cut off in its head" => cut(5000),
        "cut off" => cut(300_000),
        "of somebody else" => {
            fs::remove_file(database).unwrap();
            duckdb::Connection::open(database).unwrap().execute_batch("CREATE TABLE t (a INT)").unwrap();
        }
        "a folder" => fs::remove_file(database).and_then(|()| fs::create_dir(database)).unwrap(),
        _ => flip_in_the_log(database),
    }
}

/// As a power cut and a bad disk leave it: rows in DuckDB's log, and not all of its bytes as they were.
fn flip_in_the_log(database: &Path) {
    let rows = "PRAGMA disable_checkpoint_on_shutdown; INSERT INTO records (seq) SELECT i FROM range(1000, 2000) t(i)";
    duckdb::Connection::open(database).unwrap().execute_batch(rows).unwrap();
    let log = database.with_extension("duckdb.wal");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&log, bytes).unwrap();
}

#[test]
fn killed_in_the_fold_it_has_each_line_once_and_nothing_is_set_aside() {
    // 200 rounds in the long form: scripts/test --long.
    let rounds = std::env::var("FOLD_KILLS").map_or(20, |rounds| rounds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut killed = 0;
    for round in 0..rounds {
        let all: Vec<Value> = (0..2000).map(|n| line("scanwatch", "file-scanned", round * 2000 + n)).collect();
        lines(&run(auditdb(path).arg("ingest"), &jsonl(&all)), 0);
        let mut fold = start(auditdb(path).args(["query", "SELECT 1"]));
        thread::sleep(Duration::from_millis(u64::from(round * 7 % 120)));
        fold.kill().unwrap();
        killed += u32::from(!fold.wait().unwrap().success());
    }
    assert!(killed > rounds / 4, "{killed} of {rounds} were killed: the others had ended before");
    assert_eq!(count(path, "action = 'file-scanned'"), u64::from(rounds) * 2000);
    let distinct = ask(path, "SELECT count(DISTINCT id) AS n FROM records WHERE action = 'file-scanned'");
    assert_eq!(distinct[0]["n"], u64::from(rounds) * 2000);
    assert!(aside(path).is_empty(), "{:?}", aside(path));
    lines(&run(auditdb(path).arg("verify"), b""), 0);
}

#[test]
fn killed_while_the_database_is_made_it_leaves_none_that_looks_broken() {
    for delay in 0..24 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
        let mut fold = start(auditdb(path).args(["query", "SELECT 1"]));
        thread::sleep(Duration::from_millis(20 + delay));
        fold.kill().unwrap();
        fold.wait().unwrap();
        assert_eq!(count(path, "true"), 1, "killed after {} ms", 20 + delay);
        assert!(aside(path).is_empty(), "killed after {} ms: {:?}", 20 + delay, aside(path));
    }
}

#[test]
fn who_has_the_database_open_is_named_with_its_number_and_nothing_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let (path, database) = (directory.path(), directory.path().join("record.duckdb"));
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    assert_eq!(count(path, "true"), 1);
    let held = duckdb::Connection::open(&database).unwrap();
    let output = run(auditdb(path).args(["query", "SELECT 1"]), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let number = format!("(PID {})", std::process::id());
    assert!(said.contains("another program has it open") && said.contains(&number), "{said}");
    drop(held);
    assert_eq!(count(path, "true"), 1);
    assert!(aside(path).is_empty());
}

#[test]
fn a_database_that_cannot_be_read_is_set_aside_and_made_again_and_verify_goes_by_the_chains() {
    for name in BREAKS {
        let directory = tempfile::tempdir().unwrap();
        let (path, database) = (directory.path(), directory.path().join("record.duckdb"));
        let all: Vec<Value> = (0..100).map(|n| line("scanwatch", "file-scanned", n)).collect();
        lines(&run(auditdb(path).arg("ingest"), &jsonl(&all)), 0);
        assert_eq!(count(path, "true"), 100);
        break_database(&database, name);
        let verified = lines(&run(auditdb(path).arg("verify"), b""), 1);
        let reason = |record: &Value| record["event"]["reason"].as_str().unwrap_or_default().to_owned();
        assert!(verified.iter().any(|record| reason(record).contains("cannot be read")), "{name}: {verified:?}");
        let answer = run(auditdb(path).args(["query", "SELECT count(*) AS n FROM records"]), b"");
        assert_eq!(answer.status.code(), Some(0), "{name}");
        let said = String::from_utf8(answer.stderr).unwrap();
        assert!(said.contains("made again from the spool") && said.lines().count() == 1, "{name}: {said}");
        assert_eq!(count(path, "action = 'file-scanned'"), 100, "{name}");
        assert_eq!(count(path, "action = 'database-rebuilt' AND outcome = 'unknown'"), 1, "{name}");
        assert_eq!(aside(path).len(), 1, "{name}: the old one is kept");
        lines(&run(auditdb(path).arg("verify"), b""), 0);
    }
}

/// The database's copies that a rebuild put aside.
fn aside(path: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let is_copy = |name: &str| name.contains("record.duckdb.before-") && !name.ends_with(".wal");
    names.filter(|name| is_copy(&name.display().to_string())).collect()
}

#[test]
fn a_rebuild_launders_no_loss() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for n in 1..=2 {
        lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", n)])), 0);
    }
    assert_eq!(count(path, "true"), 2);
    fs::remove_file(&segments(path)[0]).unwrap();
    let old = fs::read(path.join("record.duckdb")).unwrap();
    let told = lines(&run(auditdb(path).arg("rebuild"), b""), 1);
    assert_eq!(actions(&told), ["segment-verified", "run-finished"]);
    assert!(told[0]["event"]["reason"].as_str().unwrap().contains("the file is gone"));
    assert_eq!(fs::read(path.join("record.duckdb")).unwrap(), old, "nothing was changed");
    lines(&run(auditdb(path).arg("verify"), b""), 1);
    let forced = lines(&run(auditdb(path).args(["rebuild", "--force"]), b""), 1);
    assert_eq!(forced[0]["event"]["action"], "database-rebuilt");
    let [kept] = &aside(path)[..] else { panic!("the old one is kept") };
    assert_eq!(fs::read(kept).unwrap(), old);
    assert_eq!(count(path, "action = 'database-rebuilt' AND outcome = 'failure'"), 1);
}

#[test]
fn a_damaged_segment_does_not_replace_the_database_that_has_all_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let all: Vec<Value> = (0..50).map(|n| line("scanwatch", "file-scanned", n)).collect();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&all)), 0);
    assert_eq!(count(path, "true"), 50);
    let segment = &segments(path)[0];
    let text = fs::read_to_string(segment).unwrap().replacen("file-scanned", "file-deleted", 1);
    fs::write(segment, text).unwrap();
    lines(&run(auditdb(path).arg("rebuild"), b""), 1);
    assert_eq!(count(path, "true"), 50, "the database still has all of it");
}

#[test]
fn nothing_to_check_is_no_pass() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::create_dir(path.join("spool")).unwrap();
    assert_eq!(actions(&lines(&run(auditdb(path).arg("verify"), b""), 3)), ["record-verified", "run-finished"]);
    lines(&run(auditdb(path).arg("rebuild"), b""), 3);
}

#[test]
fn a_slip_of_the_pen_is_not_mended_by_a_rebuild() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    assert_eq!(count(path, "true"), 1);
    let output = run(auditdb(path).args(["query", "--memory", "a lot", "SELECT 1"]), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--memory is a size") && !said.contains("rebuild"), "{said}");
}

#[test]
fn prune_says_what_would_go_and_what_went_and_the_record_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    let prune = |more: &[&str]| {
        let later = "2100-01-01T00:00:00Z";
        lines(&run(auditdb(path).args(["prune", "--older-than", later]).args(more), b""), 0)
    };
    let planned = prune(&["--dry-run"]);
    assert_eq!(actions(&planned), ["prune-planned", "run-finished"]);
    assert_eq!(planned[0]["cellblock"]["spool"]["lines"], 1);
    assert_eq!((segments(path).len(), count(path, "true")), (1, 1));
    assert_eq!(prune(&[])[0]["cellblock"]["spool"]["lines"], 1);
    assert_eq!((count(path, "action = 'file-scanned'"), count(path, "action = 'records-pruned'")), (0, 1));
}
