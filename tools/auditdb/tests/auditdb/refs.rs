//! `auditdb refs`

use super::*;

const URL: &str = "https://github.com/openclaw/openclaw";

/// An object id that begins with these digits.
fn id(start: &str) -> String {
    format!("{start:0<40}")
}

fn ls_remote(refs: &[(&str, &str)]) -> Vec<u8> {
    refs.iter().flat_map(|(start, name)| format!("{}\t{name}\n", id(start)).into_bytes()).collect()
}

fn round(directory: &Path, refs: &[(&str, &str)], status: i32) -> Vec<Value> {
    let output = run(auditdb(directory).args(["refs", "--repo", URL]), &ls_remote(refs));
    lines(&output, status)
}

#[test]
fn a_moved_tag_is_an_alert_with_both_ids_and_a_new_one_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let first = round(path, &[("a1", "HEAD"), ("b1", "refs/tags/v1"), ("c1", "refs/tags/v1^{}")], 0);
    assert_eq!(actions(&first), ["refs-first-seen", "ref-first-seen", "refs-read", "run-finished"]);
    let second =
        round(path, &[("a1", "HEAD"), ("b2", "refs/tags/v1"), ("c2", "refs/tags/v1^{}"), ("d1", "refs/tags/v2")], 1);
    assert_eq!(actions(&second), ["ref-moved", "ref-created", "refs-read", "run-finished"]);
    assert_eq!(second[0]["event"]["severity"], 73);
    assert_eq!(second[0]["event"]["outcome"], "failure");
    assert_eq!(second[0]["url"]["full"], URL);
    assert_eq!(
        second[0]["cellblock"]["reference"],
        json!({"name": "refs/tags/v1", "old": {"id": id("b1"), "peeled": id("c1")}, "new": {"id": id("b2"), "peeled": id("c2")}, "may_move": false})
    );
    assert_eq!(second[3]["cellblock"]["counts"], json!({"checked": 3, "passed": 2, "failed": 1, "unknown": 0}));
    let third =
        round(path, &[("a1", "HEAD"), ("b2", "refs/tags/v1"), ("c2", "refs/tags/v1^{}"), ("d1", "refs/tags/v2")], 0);
    assert_eq!(actions(&third), ["refs-read", "run-finished"]);
}

#[test]
fn a_crash_between_telling_and_remembering_repeats_the_alert() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, &[("a1", "refs/tags/v1")], 0);
    // Nobody takes the alert: a full disk behind standard output.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = auditdb(path)
        .args(["refs", "--repo", URL])
        .stdin(Stdio::piped())
        .stdout(full)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&ls_remote(&[("a2", "refs/tags/v1")])).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(actions(&round(path, &[("a2", "refs/tags/v1")], 1)), ["ref-moved", "refs-read", "run-finished"]);
    assert_eq!(actions(&round(path, &[("a2", "refs/tags/v1")], 0)), ["refs-read", "run-finished"]);
}

#[test]
fn what_could_not_be_read_is_unknown_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, &[("a1", "refs/tags/v1"), ("a1", "refs/heads/main")], 0);
    let empty = round(path, &[], 3);
    assert_eq!(actions(&empty), ["refs-unreachable", "run-finished"]);
    let told =
        lines(&run(auditdb(path).args(["refs", "--repo", URL, "--unreachable", "no answer within 60 s"]), b""), 3);
    assert_eq!(told[0]["event"]["reason"], "no answer within 60 s");
    assert_eq!(told[0]["event"]["outcome"], "unknown");
    let half = format!("{}\trefs/tags/v1\n{}\trefs/hea", id("a1"), id("a1"));
    let output = run(auditdb(path).args(["refs", "--repo", URL]), half.as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("line 2"));
    assert_eq!(
        actions(&round(path, &[("a1", "refs/tags/v1"), ("a1", "refs/heads/main")], 0)),
        ["refs-read", "run-finished"]
    );
}

#[test]
fn the_policy_says_what_may_move_and_which_repositories_there_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml");
    let listed = run(auditdb(path).args(["refs", "--list", "--policy", policy]), b"");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.lines().any(|line| line == URL), "{listed}");
    let with_policy = |refs: &[(&str, &str)], status| {
        lines(&run(auditdb(path).args(["refs", "--policy", policy, "--repo", URL]), &ls_remote(refs)), status)
    };
    with_policy(&[("a1", "HEAD"), ("a1", "refs/heads/main"), ("b1", "refs/tags/v1.2.3")], 0);
    let moved = with_policy(&[("a2", "HEAD"), ("a2", "refs/heads/main"), ("b1", "refs/tags/v1.2.3")], 0);
    assert_eq!(actions(&moved), ["ref-moved", "ref-moved", "refs-read", "run-finished"]);
    assert_eq!(moved[1]["event"]["outcome"], "success");
    assert_eq!(moved[1]["event"]["severity"], 0);
    let tag = with_policy(&[("a2", "HEAD"), ("a2", "refs/heads/main"), ("b2", "refs/tags/v1.2.3")], 1);
    assert_eq!(tag[0]["event"]["severity"], 73);
}

#[test]
fn another_spelling_of_a_repository_begins_no_new_history_and_a_stranger_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml");
    let round = |url: &str, refs: &[(&str, &str)], status| {
        let mut command = auditdb(directory.path());
        lines(&run(command.args(["refs", "--policy", policy, "--repo", url]), &ls_remote(refs)), status)
    };
    round(URL, &[("b1", "refs/tags/v1")], 0);
    for url in [&format!("{URL}.git"), "https://GitHub.com/openclaw/openclaw/"] {
        let moved = round(url, &[("b2", "refs/tags/v1")], 1);
        assert_eq!(actions(&moved), ["ref-moved", "refs-read", "run-finished"], "{url}");
        assert_eq!(moved[0]["url"]["full"], URL);
        round(URL, &[("b1", "refs/tags/v1")], 1);
    }
    // Without a policy the database knows how it was spelled.
    let database = directory.path().join("alone.duckdb");
    let alone = |url: &str, id, status| {
        let mut command = auditdb(directory.path());
        command.args(["refs", "--repo", url, "--database"]).arg(&database);
        lines(&run(&mut command, &ls_remote(&[(id, "refs/tags/v1")])), status)
    };
    alone(URL, "b1", 0);
    let moved = alone(&format!("{URL}.git"), "b2", 1);
    assert_eq!((actions(&moved)[0], &moved[0]["url"]["full"]), ("ref-moved", &URL.into()));
    let stranger = round("https://example.org/x", &[("b1", "refs/tags/v1")], 3);
    assert_eq!(actions(&stranger), ["refs-unlisted", "refs-first-seen", "ref-first-seen", "refs-read", "run-finished"]);
}

#[test]
fn a_moved_ref_is_told_with_both_ids() {
    let directory = tempfile::tempdir().unwrap();
    round(directory.path(), &[("b1", "refs/tags/v1"), ("c1", "refs/tags/v1^{}")], 0);
    let moved = round(directory.path(), &[("b2", "refs/tags/v1"), ("c2", "refs/tags/v1^{}")], 1);
    let said = moved[0]["message"].as_str().unwrap();
    assert!(said.contains("b10000000000 (c10000000000) → b20000000000 (c20000000000)"), "{said}");
}

#[test]
fn an_address_with_a_password_in_it_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(auditdb(directory.path()).args(["refs", "--repo", "https://u:geheim@github.com/x/y"]), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("geheim"));
    assert!(!directory.path().join("refs.duckdb").exists());
}

#[test]
fn repositories_do_not_mix() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    round(path, &[("a1", "refs/tags/v1")], 0);
    let other =
        run(auditdb(path).args(["refs", "--repo", "https://example.org/other"]), &ls_remote(&[("b1", "refs/tags/v1")]));
    assert_eq!(actions(&lines(&other, 0)), ["refs-first-seen", "ref-first-seen", "refs-read", "run-finished"]);
    assert_eq!(actions(&round(path, &[("a1", "refs/tags/v1")], 0)), ["refs-read", "run-finished"]);
}

#[test]
fn the_first_round_over_a_large_repository_is_one_line_with_count_and_digest_and_lines_for_tags() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let pulls: Vec<String> = (0..5000).map(|n| format!("refs/pull/{n}/head")).collect();
    let mut refs = vec![("a1", "HEAD"), ("b1", "refs/tags/v1")];
    refs.extend(pulls.iter().map(|name| ("c1", name.as_str())));
    let first = round(path, &refs, 0);
    assert_eq!(actions(&first), ["refs-first-seen", "ref-first-seen", "refs-read", "run-finished"]);
    assert_eq!(first[0]["cellblock"]["references"]["first_seen"], 5002);
    let digest = sha256sum(&ls_remote(&refs));
    assert_eq!(first[0]["cellblock"]["references"]["digest"], digest);
    assert_eq!(first[3]["cellblock"]["counts"]["checked"], 5002);
    refs[2] = ("c2", "refs/pull/0/head");
    let second = round(path, &refs, 1);
    assert_eq!(actions(&second), ["ref-moved", "refs-read", "run-finished"], "what changes after has its line");
}

/// What coreutils say.
fn sha256sum(bytes: &[u8]) -> String {
    let told = run(&mut Command::new("sha256sum"), bytes);
    String::from_utf8(told.stdout).unwrap().split(' ').next().unwrap().to_owned()
}
