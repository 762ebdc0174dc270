//! The command line as a script meets it: exit status, messages, what goes to which stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml");

fn tool(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-check"));
    command.args(args).env_remove("CELLBLOCK_POLICY").env_remove("DOCKER_HOST").current_dir("/");
    command
}

fn output(args: &[&str], input: &str) -> Output {
    let mut child = tool(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn fails(args: &[&str], input: &str, words: &[&str]) {
    let out = output(args, input);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{args:?}: {stderr}");
    assert!(out.stdout.is_empty(), "{args:?}: half-done");
    for word in words {
        assert!(stderr.contains(word), "{args:?}: {word:?} is not in {stderr}");
    }
}

#[test]
fn usage_errors_end_with_two_and_a_way_out() {
    fails(&[], "", &["Usage"]);
    fails(&["run", "--timeout", "soon"], "", &["expected a time"]);
    fails(&["run", "--container", "a", "--pid", "1"], "", &["cannot be used with"]);
    fails(&["plan", "--target", "nas"], "", &["expected ADDR"]);
    fails(&["pin", "https://a:1"], "", &["expected wss://"]);
    fails(&["pin", "wss://a:1", "--pin", "sha256:12"], "", &["sha256:"]);
}

#[test]
fn a_policy_that_is_not_there_is_named() {
    fails(&["plan", "--policy", "/nowhere/policy.toml"], "", &["/nowhere/policy.toml"]);
    fails(&["plan"], "", &["--policy"]);
}

#[test]
fn a_broken_policy_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    let text = std::fs::read_to_string(POLICY).unwrap().replacen("[cell]", "[cel]", 1);
    std::fs::write(&path, text).unwrap();
    fails(&["plan", "--policy", path.to_str().unwrap()], "", &["policy.toml", "cel"]);
}

#[test]
fn a_container_that_nobody_can_ask_about_is_an_error_not_a_pass() {
    fails(&["run", "--policy", POLICY, "--container", "no/such"], "", &["no container's name"]);
    let mut command = tool(&["run", "--policy", POLICY, "--container", "cell"]);
    let out = command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("DOCKER_HOST"), "{out:?}");
}

#[test]
fn a_control_from_the_same_place_is_refused() {
    fails(&["run", "--policy", POLICY, "--control"], "", &["--control-netns"]);
}

#[test]
fn a_bad_line_ends_the_run_before_any_probe() {
    let plan = output(&["plan", "--policy", POLICY, "--container", "cell"], "");
    assert!(plan.status.success(), "{plan:?}");
    let good = String::from_utf8(plan.stdout).unwrap();
    let first = good.lines().next().unwrap();
    fails(&["run", "-"], &format!("{first}\nnot json\n"), &["standard input", "line 2"]);
    fails(&["run", "-"], "", &["no probes"]);
    fails(&["run", "-"], &first.replace("\"kind\":\"https\"", "\"kind\":\"smoke\""), &["line 1", "smoke"]);
    fails(&["run", "/nowhere/lines"], "", &["/nowhere/lines"]);
}

#[test]
fn lines_for_several_containers_are_not_all_made_in_one_place() {
    let plan = output(&["plan", "--policy", POLICY], "");
    fails(&["run", "-"], &String::from_utf8(plan.stdout).unwrap(), &["--container", "monitor"]);
}

#[test]
fn help_fits_a_screen_and_ends_with_two_examples() {
    let out = output(&["-h"], "");
    let help = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && help.lines().count() <= 40, "{help}");
    assert_eq!(help.matches("\n  egress-check ").count(), 2, "{help}");
    let version = output(&["--version"], "");
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("egress-check "));
}

#[test]
fn completions_exist_for_a_shell() {
    let out = output(&["completions", "bash"], "");
    assert!(String::from_utf8(out.stdout).unwrap().contains("complete -F _egress__check"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = tool(&["plan", "--policy", POLICY]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = child.stdout.take().unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();
    drop(reader);
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.stderr.is_empty());
}

#[test]
fn a_full_disk_is_an_error_that_is_said() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let out = tool(&["plan", "--policy", POLICY]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("standard output"), "{out:?}");
}
