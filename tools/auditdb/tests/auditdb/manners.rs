//! What every tool owes its users: exit statuses, messages, help.

use super::*;

fn ended(arguments: &[&str]) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = run(auditdb(directory.path()).args(arguments), b"");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn usage_errors_end_with_2_and_say_what_was_expected() {
    for (arguments, why) in [
        (&["frobnicate"][..], "frobnicate"),
        (&[][..], "Usage"),
        (&["ingest", "--provider", "Not A Name"][..], "lower-case"),
        (&["events", "--since", "soon"][..], "RFC 3339"),
        (&["events", "--severity", "100"][..], "0..=99"),
        (&["events", "--outcome", "good"][..], "success"),
        (&["refs"][..], "--repo"),
        (&["refs", "--list", "--repo", "x"][..], "cannot be used"),
        (&["query"][..], "SQL"),
        (&["ingest", "/nonexistent.jsonl"][..], "/nonexistent.jsonl"),
        (&["ingest", "/"][..], "folder"),
        (&["events", "--policy", "/nonexistent.toml"][..], "/nonexistent.toml"),
    ] {
        let (status, said) = ended(arguments);
        assert_eq!(status, 2, "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn a_broken_policy_is_told_with_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.toml");
    std::fs::write(&policy, "[audit]\ndirectory = \"audit\"\nretian = \"90d\"\n").unwrap();
    let output = run(auditdb(&directory.path().join("audit")).args(["ingest", "--policy"]).arg(&policy), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("policy.toml") && said.contains("retian"), "{said}");
    assert!(!directory.path().join("audit").exists(), "half done");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_a_line_is_taken() {
    let output = run(auditdb(Path::new("/proc/nothing")).arg("ingest"), b"{}\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/proc/nothing/spool"));
}

#[test]
fn help_fits_a_screen_and_gives_two_examples() {
    let output = run(auditdb(Path::new("/")).arg("--help"), b"");
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!((20..=40).contains(&help.lines().count()), "{}", help.lines().count());
    assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    let examples = help.split("Examples:").nth(1).unwrap();
    assert!(examples.lines().filter(|line| line.contains("auditdb")).count() >= 2);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let all: Vec<Value> = (0..3000).map(|n| line("scanwatch", "file-scanned", n)).collect();
    lines(&run(auditdb(directory.path()).arg("ingest"), &jsonl(&all)), 0);
    for (arguments, status) in
        [(&["events"][..], 0), (&["query", "SELECT raw FROM records"][..], 0), (&["verify"][..], 3)]
    {
        let mut child = start(auditdb(directory.path()).args(arguments));
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_does_not_turn_a_damaged_segment_into_a_pass() {
    let directory = tempfile::tempdir().unwrap();
    lines(&run(auditdb(directory.path()).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    let segment = std::fs::read_dir(directory.path().join("spool")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&segment).unwrap().replace("file-scanned", "file-deleted");
    std::fs::write(&segment, text).unwrap();
    let mut child = start(auditdb(directory.path()).arg("verify"));
    drop(child.stdout.take());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error_and_the_lines_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in
        [&["ingest", "--tee"][..], &["ingest"][..], &["events"][..], &["query", "SELECT 1"][..], &["verify"][..]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = auditdb(directory.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(&jsonl(&[line("scanwatch", "file-scanned", 1)]));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("standard output"), "{arguments:?}");
    }
    assert_eq!(count(directory.path(), "true"), 1);
}

#[test]
fn the_folder_and_its_files_are_the_owners_alone() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    lines(&run(auditdb(&path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1)])), 0);
    assert_eq!(count(&path, "true"), 1);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o077, 0);
    let spool = std::fs::read_dir(path.join("spool")).unwrap().next().unwrap().unwrap();
    assert_eq!(spool.metadata().unwrap().mode() & 0o777, 0o600);
}
