//! `auditdb refs` over time: many tags at once, pins, and what a ref was at a time.

use super::*;

const URL: &str = "https://github.com/openclaw/openclaw";

fn id(n: usize, turn: char) -> String {
    format!("{turn}{n:039}")
}

fn tags(count: usize, turn: impl Fn(usize) -> char) -> Vec<(String, String)> {
    (0..count).map(|n| (id(n, turn(n)), format!("refs/tags/v0.{n}"))).collect()
}

/// One round at a time of our choice, kept in the record.
fn round(directory: &Path, at: &str, refs: &[(String, String)], status: i32) -> Vec<Value> {
    let listing: String = refs.iter().map(|(id, name)| format!("{id}\t{name}\n")).collect();
    let mut told = lines(&run(auditdb(directory).args(["refs", "--repo", URL]), listing.as_bytes()), status);
    for record in &mut told {
        record["@timestamp"] = at.into();
    }
    lines(&run(auditdb(directory).arg("ingest"), &jsonl(&told)), 0);
    told
}

/// What was asked, without the end of the run.
fn asked(directory: &Path, arguments: &[&str], status: i32) -> Vec<Value> {
    let mut told = lines(&run(auditdb(directory).arg("refs").args(arguments), b""), status);
    assert_eq!(told.pop().unwrap()["event"]["action"], "run-finished");
    told
}

/// As in March 2026: 76 of 77 tags forced in one round, and moved back 38 hours later.
fn replayed() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, "2026-03-19T10:00:00Z", &tags(77, |_| 'a'), 0);
    round(path, "2026-03-19T16:55:00Z", &tags(77, |_| 'a'), 0);
    let forced = round(path, "2026-03-19T17:00:00Z", &tags(77, |n| if n == 76 { 'a' } else { 'b' }), 1);
    assert_eq!(actions(&forced).iter().filter(|action| **action == "ref-moved").count(), 76);
    let all: Vec<&Value> = forced.iter().filter(|record| record["event"]["action"] == "refs-moved").collect();
    assert_eq!(all.len(), 1, "one record names them all");
    assert_eq!(all[0]["event"]["severity"], 99);
    assert_eq!(all[0]["cellblock"]["references"]["moved"], 76);
    assert!(all[0]["message"].as_str().unwrap().starts_with("76 tags of "), "{}", all[0]["message"]);
    assert_eq!(
        forced.last().unwrap()["cellblock"]["counts"],
        json!({"checked": 77, "passed": 1, "failed": 76, "unknown": 0})
    );
    let mut back = tags(78, |_| 'a');
    back.remove(5);
    let back = round(path, "2026-03-21T07:00:00Z", &back, 1);
    let count = |action| actions(&back).iter().filter(|found| **found == action).count();
    assert_eq!(["ref-moved", "refs-moved", "ref-deleted", "ref-created"].map(count), [75, 1, 1, 1]);
    directory
}

#[test]
fn seventy_six_tags_that_were_forced_and_moved_back_are_told_and_can_be_asked_for() {
    let directory = replayed();
    let path = directory.path();
    let spans = asked(path, &["--window", "v0.7"], 0);
    let said: Vec<&str> = spans.iter().map(|span| span["message"].as_str().unwrap()).collect();
    assert_eq!(
        said[1],
        format!(
            "refs/tags/v0.7 of {URL} pointed to {} from 2026-03-19T17:00:00Z to 2026-03-21T07:00:00Z: exposed for 38 h.",
            id(7, 'b')
        )
    );
    assert_eq!(spans[1]["event"]["duration"], 38_u64 * 3600 * 1_000_000_000);
    assert!(spans[1]["event"]["reason"].as_str().unwrap().contains("2026-03-19T16:55:00Z"), "{}", spans[1]);
    assert!(!said[0].contains("exposed") && !said[2].contains("exposed") && said.len() == 3, "{said:?}");
    let gone = asked(path, &["--window", "refs/tags/v0.5", "--repo", URL], 0);
    assert!(gone[2]["message"].as_str().unwrap().contains("was gone since 2026-03-21T07:00:00Z"), "{}", gone[2]);
    assert_eq!(actions(&asked(path, &["--history", "v0.7"], 0)), ["ref-first-seen", "ref-moved", "ref-moved"]);
}

#[test]
fn what_all_refs_were_at_a_time_is_listed_and_before_the_first_round_nobody_knows() {
    let directory = replayed();
    let at = |time: &str, status| asked(directory.path(), &["--at", time], status);
    let ids = |records: &[Value], turn: char| {
        let id = |record: &Value| record["cellblock"]["reference"]["new"]["id"].as_str().unwrap_or_default().to_owned();
        records.iter().filter(|record| id(record).starts_with(turn)).count()
    };
    let during = at("2026-03-20T00:00:00Z", 0);
    assert_eq!((during.len(), ids(&during, 'a'), ids(&during, 'b')), (77, 1, 76));
    let after = at("2026-03-22T00:00:00Z", 0);
    assert_eq!((after.len(), ids(&after, 'a')), (77, 77), "one is gone and one is new");
    let before = at("2026-03-18T00:00:00Z", 3);
    assert_eq!((before.len(), before[0]["event"]["outcome"].as_str()), (1, Some("unknown")));
}

#[test]
fn a_branch_that_moved_later_is_known_at_the_time_of_the_first_round() {
    let directory = tempfile::tempdir().unwrap();
    let main = |turn| vec![(id(1, turn), "refs/heads/main".to_owned())];
    round(directory.path(), "2026-03-19T10:00:00Z", &main('a'), 0);
    round(directory.path(), "2026-03-19T11:00:00Z", &main('b'), 1);
    let then = asked(directory.path(), &["--at", "2026-03-19T10:30:00Z"], 0);
    assert_eq!(then[0]["cellblock"]["reference"]["new"]["id"], id(1, 'a'));
}

#[test]
fn a_name_that_may_be_several_refs_lists_them_and_a_stranger_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, "2026-03-19T10:00:00Z", &[(id(1, 'a'), "refs/tags/x/one".to_owned())], 0);
    let new = [(id(1, 'a'), "refs/tags/x/one".to_owned()), (id(1, 'a'), "refs/tags/y/one".to_owned())];
    round(path, "2026-03-19T11:00:00Z", &new, 0);
    for (name, why) in [("one", "refs/tags/y/one of "), ("two", "no change of a ref of that name")] {
        let output = run(auditdb(path).args(["refs", "--window", name]), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

/// The shipped policy with a pin.
fn pinned(directory: &Path, pin: &str) -> std::path::PathBuf {
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")).unwrap();
    let text = shipped.replace("\nmoving = ", &format!("\npins = {{ \"v0.1\" = \"{pin}\" }}\nmoving = "));
    assert_ne!(text, shipped);
    let path = directory.join("policy.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_pin_holds_from_the_first_round_on_and_fails_in_each_that_breaks_it() {
    let directory = tempfile::tempdir().unwrap();
    let policy = pinned(directory.path(), &id(1, 'a'));
    let round = |refs: &[(String, String)], status| {
        let listing: String = refs.iter().map(|(id, name)| format!("{id}\t{name}\n")).collect();
        let mut command = auditdb(&directory.path().join("audit"));
        lines(&run(command.arg("refs").arg("--policy").arg(&policy).args(["--repo", URL]), listing.as_bytes()), status)
    };
    let first = round(&tags(2, |_| 'b'), 1);
    let broken = first.iter().find(|record| record["event"]["action"] == "ref-pin-broken").unwrap();
    assert_eq!(
        (broken["event"]["severity"].as_u64(), broken["event"]["outcome"].as_str()),
        (Some(73), Some("failure"))
    );
    assert!(broken["event"]["reason"].as_str().unwrap().contains(&id(1, 'a')));
    assert_eq!(actions(&round(&tags(2, |_| 'b'), 1)), ["ref-pin-broken", "refs-read", "run-finished"]);
    let right = round(&tags(2, |n| if n == 1 { 'a' } else { 'b' }), 1);
    assert_eq!(actions(&right), ["ref-moved", "refs-read", "run-finished"], "it moved to where it belongs");
    let gone = round(&tags(1, |_| 'b'), 1);
    assert_eq!(actions(&gone), ["ref-deleted", "ref-pin-broken", "refs-read", "run-finished"]);
    let tagged = [(id(9, 'c'), "refs/tags/v0.1".to_owned()), (id(1, 'a'), "refs/tags/v0.1^{}".to_owned())];
    let annotated = round(&[tags(1, |_| 'b'), tagged.to_vec()].concat(), 1);
    assert!(!actions(&annotated).contains(&"ref-pin-broken"), "the commit behind an annotated tag holds it");
}

#[test]
fn windows_line_ends_and_long_ids_are_read_and_an_answer_cut_in_the_middle_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let long = |turn: &str| format!("{}\trefs/tags/v1\r\n{}\trefs/tags/v2\r\n", turn.repeat(64), "c".repeat(64));
    lines(&run(auditdb(path).args(["refs", "--repo", URL]), long("a").as_bytes()), 0);
    let moved = lines(&run(auditdb(path).args(["refs", "--repo", URL]), long("b").as_bytes()), 1);
    assert_eq!(moved[0]["cellblock"]["reference"]["old"]["id"], "a".repeat(64));
    // Of a large answer, 64 MiB arrive and the last line stays half.
    let mut large: Vec<u8> =
        (0..1_000_000).flat_map(|n| format!("{}\trefs/pull/{n}/head\n", "d".repeat(64)).into_bytes()).collect();
    large.truncate(64 << 20);
    let cut = run(auditdb(path).args(["refs", "--repo", URL]), &large);
    assert_eq!(cut.status.code(), Some(2));
    assert!(String::from_utf8(cut.stderr).unwrap().contains("cut off"));
    assert_eq!(
        actions(&lines(&run(auditdb(path).args(["refs", "--repo", URL]), long("b").as_bytes()), 0)),
        ["refs-read", "run-finished"]
    );
}
