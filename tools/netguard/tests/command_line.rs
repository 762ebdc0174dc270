//! The binary on the command line: usage, closed pipes, full disks, bad policies, the man page. No lab, no root.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails, in its helpers too")]
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its work must fail")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml");

fn netguard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netguard"));
    command.env_remove("CELLBLOCK_POLICY").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    netguard().args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn usage_errors_are_two() {
    for arguments in
        [&["--nonsense"] as &[&str], &["apply", "--force"], &[], &["explain"], &["denied", "--interval", "0"]]
    {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn help_fits_a_screen_and_gives_examples() {
    let output = run(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.lines().count() <= 40, "{help}");
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn every_plan_ends_with_its_counts_and_begins_with_the_entrances() {
    let output = run(&["--policy", POLICY, "plan", "--format", "jsonl"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = lines(&output);
    let first: Vec<&serde_json::Value> = lines.iter().map(|line| &line["rule"]["id"]).take(3).collect();
    assert_eq!(first, ["cell/out", "egress/out", "monitor/out"]);
    assert_eq!(lines.last().unwrap()["event"]["action"], "run-finished");
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
    let mut child =
        netguard().args(["--policy", POLICY, "plan"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = netguard().args(["--policy", POLICY, "plan"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("No space left"), "{}", stderr(&output));
}

#[test]
fn a_policy_that_is_not_there_or_is_broken_is_named() {
    let output = run(&["--policy", "/nonexistent/policy.toml", "plan"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nonexistent/policy.toml"), "{}", stderr(&output));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    let broken = std::fs::read_to_string(POLICY).unwrap().replace("\"br-cell\"", "\"br+cell\"");
    std::fs::write(&path, broken).unwrap();
    let output = netguard().arg("--policy").arg(&path).arg("plan").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("bridge"), "{}", stderr(&output));
}

fn with_blocklist(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list.txt"), text).unwrap();
    let policy =
        std::fs::read_to_string(POLICY).unwrap().replace("\"on-link\"]", "\"on-link\", \"list.txt\", \"8.8.4.0/24\"]");
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, policy).unwrap();
    (folder, path)
}

#[test]
fn a_bad_line_of_a_blocklist_is_named_by_file_and_line() {
    let (_folder, policy) = with_blocklist("# head\n1.2.3.0/24\n1.2.3.4/24\n");
    let output = netguard().arg("--policy").arg(&policy).arg("apply").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("list.txt:3"), "{}", stderr(&output));
}

#[test]
fn explain_names_the_rule_in_any_notation_and_the_list_that_an_address_is_in() {
    let (_folder, policy) = with_blocklist("1.2.3.0/24\n2a00:1::/32\n");
    let targets = [
        "1.2.3.4:80/tcp",
        "[2a00:1::9]:53/udp",
        "8.8.4.4",
        "8.8.8.8",
        "0xa.1",
        "::ffff:192.168.1.1",
        "172.30.1.9",
        "255.255.255.255",
    ];
    let output = netguard().arg("--policy").arg(&policy).arg("explain").args(targets).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rules: Vec<String> =
        lines(&output).iter().filter_map(|line| Some(line["rule"]["id"].as_str()?.to_owned())).collect();
    let expected = [
        "cell/listed4",
        "cell/listed6",
        "cell/listed4",
        "cell/internet",
        "cell/special4",
        "cell/special4",
        "cell/peers4",
        "cell/host",
    ];
    assert_eq!(rules, expected);
    assert!(lines(&output)[0]["event"]["reason"].as_str().unwrap().contains("list.txt"));
}

#[test]
fn explain_reads_lines_and_names_the_one_that_is_no_target() {
    let mut child = netguard()
        .args(["--policy", POLICY, "explain", "--from", "monitor", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"8.8.8.8:443/tcp\n\nnonsense\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("line 3"), "{}", stderr(&output));
    assert_eq!(run(&["--policy", POLICY, "explain", "--from", "nowhere", "8.8.8.8"]).status.code(), Some(2));
}

#[test]
fn a_plan_with_a_word_of_somebody_elses_is_refused_before_anything_is_run() {
    let plan = run(&["--policy", POLICY, "plan", "--format", "jsonl"]).stdout;
    let plan = String::from_utf8(plan).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan");
    for (from, to, said) in [
        ("{\"from\":\"br-cell\"}", "{\"from\":\"br-cell\\\" accept #\"}", "bridge"),
        ("\"verdict\":\"drop\"", "\"verdict\":{\"jump\":\"x\"}", "line"),
        ("\"name\":\"special4\"", "\"name\":\"special9\"", "special9"),
        ("\"ranges\":[\"", "\"ranges\":[\"0.0.0.0/0 }; flush ruleset; \",\"", "no range"),
        ("\"part\":1,\"parts\":1", "\"part\":2,\"parts\":2", "part"),
        ("{\"goto\":\"refuse-cell\"}", "{\"goto\":\"net-nowhere\"}", "no rules"),
    ] {
        assert!(plan.contains(from), "{from}");
        std::fs::write(&file, plan.replacen(from, to, 1)).unwrap();
        let output = netguard().arg("apply").arg("--check").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{from}");
        assert!(stderr(&output).contains(said), "{from}: {}", stderr(&output));
    }
}

#[test]
fn the_man_page_has_every_subcommand_and_every_option() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man/netguard.1")).unwrap();
    let top = String::from_utf8(run(&["--help"]).stdout).unwrap();
    let commands: Vec<&str> = top
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .collect();
    assert!(commands.len() >= 7, "{commands:?}");
    let mut helps = vec![top.clone()];
    for command in commands {
        assert!(page.contains(&format!(".Cm {command}")), "man page lacks {command}");
        helps.push(String::from_utf8(run(&[command, "--help"]).stdout).unwrap());
    }
    for option in helps.iter().flat_map(|help| help.split_whitespace()).filter_map(|word| word.strip_prefix("--")) {
        let name: String = option.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        assert!(name.is_empty() || page.contains(&format!("Fl Fl {name}")), "man page lacks --{name}");
    }
}
