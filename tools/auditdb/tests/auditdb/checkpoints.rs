//! Checkpoints and anchors: what who can write the record's folder cannot hide.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use super::*;

/// A record of two segments, read once, so that there is a database.
fn record(anchors: &[&Path]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for n in 1..=2 {
        let mut ingest = auditdb(directory.path());
        for anchor in anchors {
            ingest.arg("--anchor").arg(anchor);
        }
        lines(&run(ingest.arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", n)])), 0);
    }
    assert_eq!(count(directory.path(), "true"), 2);
    directory
}

fn segments(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory.join("spool")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn verify(directory: &Path, anchors: &[&Path], status: i32) -> Vec<Value> {
    let mut command = auditdb(directory);
    for anchor in anchors {
        command.arg("--anchor").arg(anchor);
    }
    lines(&run(command.arg("verify"), b""), status)
}

/// The verdict on the whole, before `run-finished`.
fn whole(found: &[Value]) -> &Value {
    &found[found.len() - 2]
}

#[test]
fn an_end_that_is_cut_off_is_found_though_the_database_is_gone() {
    for left in [1, 30, 200] {
        let record = record(&[]);
        let path = record.path();
        let first = &segments(path)[0];
        let bytes = fs::read(first).unwrap();
        // Within the batch, and the whole batch.
        let head = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let end = if left == 200 { head } else { bytes.len() - left };
        fs::write(first, &bytes[..end]).unwrap();
        fs::remove_file(path.join("record.duckdb")).unwrap();
        let found = verify(path, &[], 1);
        assert!(found[0]["event"]["reason"].as_str().unwrap().contains("says that it has 1 line"), "{}", found[0]);
    }
}

#[test]
fn a_segment_that_is_gone_with_the_database_is_found_and_so_is_the_loss_of_all() {
    let record = record(&[]);
    let path = record.path();
    fs::remove_file(path.join("record.duckdb")).unwrap();
    fs::remove_file(&segments(path)[0]).unwrap();
    let found = verify(path, &[], 1);
    assert!(found[1]["event"]["reason"].as_str().unwrap().contains("the file is gone"), "{}", found[1]);
    fs::remove_file(&segments(path)[0]).unwrap();
    assert_eq!(verify(path, &[], 1)[3]["cellblock"]["counts"]["failed"], 3);
}

#[test]
fn an_older_copy_of_the_whole_folder_is_found() {
    let record = record(&[]);
    let path = record.path();
    let old: Vec<_> = segments(path).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", 3)])), 0);
    for newer in segments(path).iter().filter(|path| !old.iter().any(|(_, old)| old == *path)) {
        fs::remove_file(newer).unwrap();
    }
    fs::remove_file(path.join("record.duckdb")).unwrap();
    verify(path, &[], 1);
}

#[test]
fn what_is_as_it_was_is_complete_and_says_what_stands_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("anchor");
    let record = record(&[&anchor]);
    let signed = verify(record.path(), &[], 0);
    assert_eq!(
        whole(&signed)["message"],
        "The record is complete: 2 lines, 0 anchored, 2 only signed, 0 only chained."
    );
    let anchored = verify(record.path(), &[&anchor], 0);
    assert_eq!(whole(&anchored)["cellblock"]["spool"]["anchored"], 2);
    let nothing = verify(record.path(), &[&directory.path().join("other")], 3);
    assert!(whole(&nothing)["event"]["reason"].as_str().unwrap().contains("holds nothing"));
}

#[test]
fn an_anchor_convicts_who_could_write_the_key_s_folder_too() {
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("anchor");
    let record = record(&[&anchor]);
    let path = record.path();
    fs::remove_dir_all(keys(path)).unwrap();
    fs::remove_file(path.join("record.duckdb")).unwrap();
    segments(path).iter().for_each(|segment| fs::remove_file(segment).unwrap());
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 9)])), 0);
    verify(path, &[], 0);
    let found = verify(path, &[&anchor], 1);
    assert!(whole(&found)["event"]["reason"].as_str().unwrap().contains("does not know"), "{}", whole(&found));
}

#[test]
fn without_the_key_nobody_knows_and_without_a_checkpoint_neither() {
    let record = record(&[]);
    let path = record.path();
    fs::remove_file(keys(path).join("key.pk8")).unwrap();
    let found = verify(path, &[], 3);
    assert!(whole(&found)["event"]["reason"].as_str().unwrap().contains("is gone"), "{}", whole(&found));
    fs::remove_dir_all(keys(path)).unwrap();
    verify(path, &[], 3);
}

#[test]
fn the_key_is_its_owner_s_alone_and_its_public_half_is_shown() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(run(auditdb(path).args(["key", "show"]), b"").status.code(), Some(2));
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&keys(path)), mode(&keys(path).join("key.pk8"))), (0o700, 0o600));
    let shown = String::from_utf8(run(auditdb(path).args(["key", "show"]), b"").stdout).unwrap();
    assert!(shown.starts_with("ed25519 ") && shown.trim().len() == 8 + 64, "{shown}");
}

#[test]
fn what_was_pruned_is_not_missed_and_what_was_taken_beside_it_is() {
    let record = record(&[]);
    let path = record.path();
    lines(&run(auditdb(path).args(["prune", "--older-than", "2100-01-01T00:00:00Z"]), b""), 0);
    let found = verify(path, &[], 0);
    assert_eq!(actions(&found), ["segment-verified", "record-verified", "run-finished"]);
    fs::remove_file(&segments(path)[0]).unwrap();
    verify(path, &[], 1);
}

/// Somebody with DuckDB's own shell.
fn doctor(directory: &Path, sql: &str) {
    duckdb::Connection::open(directory.join("record.duckdb")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_database_that_was_doctored_is_found_and_not_believed() {
    for sql in [
        "UPDATE records SET action = 'file-scanned' WHERE id LIKE '%1'",
        "UPDATE records SET raw = replace(raw, 'infected', 'scanned!') WHERE id LIKE '%1'",
        "UPDATE records SET time = time + INTERVAL 1 YEAR",
        "DELETE FROM records WHERE id LIKE '%1'",
        "INSERT INTO records SELECT * REPLACE (7000 AS position) FROM records LIMIT 1",
        "INSERT INTO records SELECT * REPLACE (NULL AS segment) FROM records LIMIT 1",
        "INSERT INTO records SELECT * REPLACE (9 AS segment) FROM records LIMIT 1",
        "DELETE FROM records WHERE segment = 1; UPDATE segments SET position = 0, head = NULL, lines = 0, torn = 9999 WHERE number = 1",
        "DELETE FROM records WHERE segment = 1; UPDATE segments SET position = 0, head = NULL, lines = 0, damaged = 'x' WHERE number = 1",
        "CREATE VIEW events AS SELECT 1 AS n",
    ] {
        let record = record(&[]);
        let path = record.path();
        doctor(path, sql);
        let said = run(auditdb(path).arg("events"), b"");
        assert_eq!(said.status.code(), Some(3), "{sql}");
        assert!(String::from_utf8(said.stderr).unwrap().contains("not what was written"), "{sql}");
        assert_eq!(run(auditdb(path).args(["query", "SELECT 1"]), b"").status.code(), Some(3), "{sql}");
        assert_eq!(run(auditdb(path).arg("verify"), b"").status.code(), Some(1), "{sql}");
    }
}

#[test]
fn a_database_that_was_touched_and_says_the_same_is_believed_again() {
    let record = record(&[]);
    let path = record.path();
    let copy = fs::read(path.join("record.duckdb")).unwrap();
    fs::write(path.join("record.duckdb"), copy).unwrap();
    assert_eq!(count(path, "true"), 2);
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-infected", 2)])), 0);
    lines(&run(auditdb(path).args(["ingest", "--provider", "cell"]), b"{\"a\":1}\n\xff\n{\"b\":\"\xff\"}\n"), 1);
    fs::remove_dir_all(keys(path)).unwrap();
    assert_eq!(count(path, "true"), 5, "repeats, refused lines and broken bytes are as they were written");
}

#[test]
fn a_new_key_is_signed_by_the_old_one_and_verify_follows_it() {
    let record = record(&[]);
    let path = record.path();
    let key = |what: &str| String::from_utf8(run(auditdb(path).args(["key", what]), b"").stdout).unwrap();
    let old = key("show");
    let new = key("rotate");
    let shown = key("show");
    assert!(new.starts_with("ed25519 ") && new != old && shown.starts_with(&new), "{new}");
    assert!(
        shown.lines().nth(1).is_some_and(|line| line.starts_with(old.trim()) && line.contains(" until ")),
        "{shown}"
    );
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 9)])), 0);
    verify(path, &[], 0);
    // Another key in its place is none that the old one has signed.
    fs::remove_file(keys(path).join("key.pk8")).unwrap();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 10)])), 0);
    let found = verify(path, &[], 1);
    assert!(
        whole(&found)["event"]["reason"].as_str().unwrap().contains("not all of it was signed"),
        "{}",
        whole(&found)
    );
}

#[test]
fn the_anchors_of_the_policy_are_used_and_verify_says_which_lines_are_anchored_where() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    let (anchor, policy) = (directory.path().join("anchor"), directory.path().join("policy.toml"));
    let sample = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")).unwrap();
    let anchors = format!("[audit]\nanchors = [{{ file = {anchor:?} }}, {{ command = [\"/bin/cat\"] }}]");
    fs::write(&policy, sample.replace("[audit]", &anchors)).unwrap();
    let with = |command: &str, input: &[u8]| run(auditdb(&path).arg(command).arg("--policy").arg(&policy), input);
    let output = with("ingest", &jsonl(&[line("scanwatch", "file-scanned", 1)]));
    // The policy lies in a folder that everybody may write.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/bin/cat: the anchor took no checkpoint") && said.contains("root"), "{said}");
    assert_eq!(lines(&output, 0).len(), 2);
    let found = lines(&with("verify", b""), 0);
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.ends_with(&format!("lines 1 to 1 are anchored in {}.", anchor.display())), "{message}");
    fs::remove_file(&anchor).unwrap();
    let found = lines(&with("verify", b""), 3);
    assert!(found[0]["message"].as_str().unwrap().ends_with("lines 1 to 1 are only signed."), "{}", found[0]);
}

#[test]
fn a_writer_that_goes_on_signs_as_often_as_the_policy_says() {
    let directory = tempfile::tempdir().unwrap();
    let (path, policy) = (directory.path().join("audit"), directory.path().join("policy.toml"));
    let sample = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")).unwrap();
    fs::write(&policy, sample.replace("checkpoint = \"15m\"", "checkpoint = \"1s\"")).unwrap();
    for (signed, by) in [(vec![1, 2], Some(&policy)), (vec![1], None)] {
        let _ = fs::remove_dir_all(&path);
        let _ = fs::remove_dir_all(keys(&path));
        let mut ingest = auditdb(&path);
        ingest.args(["ingest", "--tee"]);
        if let Some(policy) = by {
            ingest.arg("--policy").arg(policy);
        }
        let mut child = start(&mut ingest);
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut acknowledged = BufReader::new(output).lines();
        for n in 1..=2 {
            input.write_all(&jsonl(&[line("scanwatch", "file-scanned", n)])).unwrap();
            acknowledged.next().unwrap().unwrap();
            std::thread::sleep(Duration::from_millis(1100));
        }
        let log = fs::read_to_string(keys(&path).join("checkpoints.jsonl")).unwrap();
        let written: Vec<u64> = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter_map(|line| line["checkpoint"]["about"]["written"]["lines"].as_u64())
            .collect();
        assert_eq!(written, signed);
        drop(input);
        child.wait().unwrap();
    }
}

#[test]
fn a_rebuild_asks_the_checkpoints_before_it_believes_the_spool() {
    let record = record(&[]);
    let path = record.path();
    fs::remove_file(path.join("record.duckdb")).unwrap();
    fs::remove_file(&segments(path)[0]).unwrap();
    let output = run(auditdb(path).arg("rebuild"), b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("remembers more than the spool holds"));
    assert_eq!(actions(&lines(&output, 1)), ["segment-verified", "run-finished"]);
    assert!(!path.join("record.duckdb").exists(), "nothing is made of it");
    let forced = lines(&run(auditdb(path).args(["rebuild", "--force"]), b""), 1);
    assert_eq!(forced[0]["event"]["reason"], "more is remembered than the spool holds");
}

#[test]
fn a_line_is_proved_to_who_has_no_record_and_no_byte_of_the_proof_can_be_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (directory.path(), tempfile::tempdir().unwrap());
    let all: Vec<Value> = (0..13).map(|n| line("scanwatch", "file-scanned", n)).collect();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&all)), 0);
    let key = String::from_utf8(run(auditdb(path).args(["key", "show"]), b"").stdout).unwrap().trim().to_owned();
    let id = all[7]["event"]["id"].as_str().unwrap();
    let proof = run(auditdb(path).args(["prove", id]), b"").stdout;
    let check = |proof: &[u8], key: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditdb"));
        command.current_dir(elsewhere.path()).env_remove("CELLBLOCK_POLICY");
        run(command.args(["verify", "--proof", "-", "--key", key]), proof)
    };
    let told = lines(&check(&proof, &key), 0);
    assert_eq!(actions(&told), ["proof-verified", "run-finished"]);
    assert_eq!(told[0]["event"]["original"], all[7].to_string());
    for at in (0..proof.len() - 1).step_by(97) {
        let mut bytes = proof.clone();
        bytes[at] ^= 1;
        assert_ne!(check(&bytes, &key).status.code(), Some(0), "byte {at}");
    }
    assert_eq!(check(&proof, &"0".repeat(64)).status.code(), Some(1), "another key");
    assert_eq!(check(b"", &key).status.code(), Some(3), "nothing is no proof");
    assert_eq!(run(auditdb(path).args(["prove", "no-such-id"]), b"").status.code(), Some(2));
}
