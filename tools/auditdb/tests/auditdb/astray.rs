//! Refs that are not where they belong: what the report and the view say of them, and what a round does whose store is
//! gone.

use super::*;

const URL: &str = "https://example.org/astray";
const BRANCH: &str = "refs/heads/main";

fn id(n: usize, turn: char) -> String {
    format!("{turn}{n:039}")
}

fn tags(count: usize, turn: impl Fn(usize) -> char) -> Vec<(String, String)> {
    (0..count).map(|n| (id(n, turn(n)), format!("refs/tags/v0.{n}"))).collect()
}

fn listing(refs: &[(String, String)]) -> Vec<u8> {
    refs.iter().flat_map(|(id, name)| format!("{id}\t{name}\n").into_bytes()).collect()
}

/// A round, kept in the record.
fn round(directory: &Path, refs: &[(String, String)], status: i32) -> (Vec<Value>, String) {
    let output = run(auditdb(directory).args(["refs", "--repo", URL]), &listing(refs));
    let told = lines(&output, status);
    lines(&run(auditdb(directory).arg("ingest"), &jsonl(&told)), 0);
    (told, String::from_utf8(output.stderr).unwrap())
}

/// What the report says of the monitor, and the findings of it with where they stand.
fn reported(directory: &Path) -> (String, Vec<(String, String)>) {
    let told = lines(&run(auditdb(directory).arg("report"), b""), 0);
    let of = |action: &str| {
        let is_it = move |record: &&Value| {
            record["event"]["action"] == *action && record["cellblock"]["report"]["layer"] == "monitor"
        };
        told.iter().filter(is_it).cloned().collect::<Vec<_>>()
    };
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let found = of("finding-reported");
    let found = found.iter().map(|it| (word(&it["cellblock"]["report"]["standing"]), word(&it["rule"]["id"])));
    (word(&of("layer-reported")[0]["event"]["outcome"]), found.collect())
}

fn text(directory: &Path) -> String {
    let output = run(auditdb(directory).args(["report", "--format", "text"]), b"");
    String::from_utf8(output.stdout).unwrap()
}

/// What is open, as the manual's example asks.
fn open(directory: &Path) -> Vec<String> {
    let rows = ask(directory, "SELECT rule, subject FROM findings WHERE state <> 'mended' ORDER BY ALL");
    rows.iter().map(|row| row["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn tags_that_were_forced_or_deleted_fail_the_monitor_until_they_are_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, &tags(77, |_| 'a'), 0);
    let mut forced = tags(76, |n| if n < 75 { 'b' } else { 'a' });
    round(path, &forced, 1);
    round(path, &forced, 0);
    let (verdict, found) = reported(path);
    assert_eq!((verdict.as_str(), found.len()), ("failure", 77), "75 moved, one is gone, and one line on all of them");
    assert_eq!(found[0], ("new".to_owned(), "refs-moved".to_owned()));
    let text = text(path);
    assert!(text.contains("monitor  FAILED") && text.contains("\nNEW (77)\nFAILED  critical refs-moved "), "{text}");
    assert!(text.contains("MOVED REFS (76)") && text.lines().count() < 50, "{text}");
    let page = path.join("page.html");
    lines_of_page(path, &page);
    assert!(!std::fs::read_to_string(&page).unwrap().contains("No check failed"));
    assert_eq!(open(path).len(), 77);
    forced = tags(77, |_| 'a');
    round(path, &forced, 1);
    let (verdict, found) = reported(path);
    assert_eq!(verdict, "success");
    assert!(found.len() == 77 && found.iter().all(|(standing, _)| standing == "mended"), "{found:?}");
    assert_eq!(open(path), [""; 0]);
}

fn lines_of_page(directory: &Path, page: &Path) {
    assert_eq!(run(auditdb(directory).arg("report").arg("--html").arg(page), b"").status.code(), Some(0));
}

#[test]
fn a_tag_that_comes_back_to_the_wrong_place_is_not_mended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let tag = |turn| vec![(id(9, 'a'), "HEAD".to_owned()), (id(1, turn), "refs/tags/v1".to_owned())];
    round(path, &tag('a'), 0);
    round(path, &tag('b'), 1);
    round(path, &tag('b')[..1], 1);
    round(path, &tag('b'), 0);
    assert_eq!(reported(path).1, [("new".to_owned(), "refs/tags/v1".to_owned())]);
    assert_eq!(open(path), ["ref-deleted", "ref-moved"]);
    round(path, &tag('a'), 1);
    assert_eq!((reported(path).0.as_str(), open(path).len()), ("success", 0));
}

/// A round under a policy that pins v0.1 there, or nowhere.
fn pinned(directory: &Path, pin: Option<&str>, refs: &[(String, String)], status: i32) {
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml")).unwrap();
    let pins = pin.map(|pin| format!("\npins = {{ \"v0.1\" = \"{pin}\" }}")).unwrap_or_default();
    std::fs::write(directory.join("policy.toml"), shipped.replace("\nmoving = ", &format!("{pins}\nmoving = ")))
        .unwrap();
    let mut command = auditdb(directory);
    command.arg("refs").arg("--policy").arg(directory.join("policy.toml"));
    let told = lines(&run(command.args(["--repo", "https://github.com/openclaw/openclaw"]), &listing(refs)), status);
    lines(&run(auditdb(directory).arg("ingest"), &jsonl(&told)), 0);
}

#[test]
fn a_pin_that_is_broken_fails_the_monitor_until_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (right, wrong) = (id(1, 'a'), tags(2, |_| 'b'));
    pinned(path, Some(&right), &wrong, 1);
    pinned(path, Some(&right), &wrong, 1);
    assert_eq!(reported(path), ("failure".to_owned(), vec![("new".to_owned(), "refs/tags/v0.1".to_owned())]));
    assert_eq!(open(path), ["ref-pin-broken"]);
    pinned(path, Some(&id(1, 'b')), &wrong, 0);
    assert_eq!((reported(path).0.as_str(), open(path).len()), ("success", 0));
}

#[test]
fn a_pin_where_a_moved_tag_is_settles_the_move_and_what_may_move_is_no_finding() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let with = |branch, turn| {
        [vec![(id(5, branch), BRANCH.to_owned())], tags(2, |n| if n == 1 { turn } else { 'a' })].concat()
    };
    pinned(path, None, &with('a', 'a'), 0);
    pinned(path, None, &with('b', 'a'), 0);
    assert_eq!(reported(path), ("success".to_owned(), vec![]), "the shipped policy lets the branch move");
    pinned(path, None, &with('b', 'c'), 1);
    assert_eq!((reported(path).0.as_str(), open(path)), ("failure", vec!["ref-moved".to_owned()]));
    pinned(path, Some(&id(1, 'c')), &with('b', 'c'), 0);
    assert_eq!((reported(path).0.as_str(), open(path).len()), ("success", 0));
}

#[test]
fn a_store_that_was_deleted_hides_no_moved_tag_for_the_record_knows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let refs = |turn| [vec![(id(5, 'a'), BRANCH.to_owned())], tags(3, |n| if n == 1 { turn } else { 'a' })].concat();
    round(path, &refs('a'), 0);
    std::fs::remove_file(path.join("refs.duckdb")).unwrap();
    let mut moved = refs('b');
    moved.push((id(8, 'a'), "refs/tags/v9".to_owned()));
    let (told, said) = round(path, &moved, 1);
    assert_eq!(actions(&told), ["ref-moved", "ref-created", "refs-read", "run-finished"]);
    assert_eq!(told[0]["cellblock"]["reference"]["old"]["id"], id(1, 'a'));
    let reason = told[2]["event"]["reason"].as_str().unwrap();
    assert!(reason.contains("compared with what the record says") && said.contains(reason), "{reason} / {said}");
    assert_eq!(actions(&round(path, &moved, 0).0), ["refs-read", "run-finished"], "and it is kept again, all of it");
}

#[test]
fn a_store_that_is_broken_is_set_aside_and_the_record_takes_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, &tags(2, |_| 'a'), 0);
    std::fs::write(path.join("refs.duckdb"), "no database at all".repeat(1000)).unwrap();
    let (told, said) = round(path, &tags(2, |n| if n == 0 { 'a' } else { 'b' }), 1);
    assert_eq!(actions(&told), ["ref-moved", "refs-read", "run-finished"]);
    assert!(said.contains("was broken, and is now"), "{said}");
    let aside = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("refs.duckdb.broken-");
    assert_eq!(std::fs::read_dir(path).unwrap().filter(|entry| aside(entry.as_ref().unwrap())).count(), 1);
}

#[test]
fn where_neither_the_store_nor_the_record_knows_it_is_a_first_sight() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let first = |path: &Path| lines(&run(auditdb(path).args(["refs", "--repo", URL]), &listing(&tags(1, |_| 'a'))), 0);
    for _ in 0..2 {
        assert_eq!(actions(&first(path)), ["refs-first-seen", "ref-first-seen", "refs-read", "run-finished"]);
        std::fs::remove_file(path.join("refs.duckdb")).unwrap();
    }
    assert!(!path.join("record.duckdb").exists(), "no record was begun by asking");
}
