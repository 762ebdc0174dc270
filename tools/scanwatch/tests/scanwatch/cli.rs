//! The tool as a citizen of the shell.

use std::fs::OpenOptions;
use std::process::{Command, Output, Stdio};

use crate::support::{Clamd, TESTFILES, World};

fn scanwatch(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scanwatch")).args(args).stdin(Stdio::null()).output().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_fits_a_screen_and_ends_with_examples() {
    for command in [&["--help"][..], &["-h"], &["watch", "--help"], &["scan", "--help"]] {
        let output = scanwatch(command);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.lines().count() <= 40, "{text}");
    }
    let text = String::from_utf8(scanwatch(&["--help"]).stdout).unwrap();
    assert!(text.contains("Examples:") && text.matches("\n  scanwatch watch |").count() == 1, "{text}");
}

#[test]
fn the_version_names_the_tool() {
    assert!(String::from_utf8(scanwatch(&["--version"]).stdout).unwrap().starts_with("scanwatch 0."));
}

#[test]
fn wrong_usage_is_2_and_says_what_was_expected() {
    for (args, expected) in [
        (&["wach"][..], "watch"),
        (&["scan"], "PATH"),
        (&["watch", "--connections", "0"], "1 to 64"),
        (&["watch", "--clamd", "tcp://localhost:3310"], "IP address"),
        (&["watch", "--frobnicate"], "--frobnicate"),
    ] {
        let output = scanwatch(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(error(&output).contains(expected), "{args:?}: {}", error(&output));
    }
}

#[test]
fn a_policy_with_a_mistake_is_refused_with_its_place() {
    let world = World::with(|policy| policy.replace("max_defer", "max_defur"));
    let output = world.run(&["scan", "/etc/hostname"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("max_defer"), "the nearest known key: {}", error(&output));
}

#[test]
fn what_cannot_be_scanned_at_all_is_refused_before_anything_else() {
    let world = World::new();
    let output = world.run(&["scan", "/not/there"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("/not/there"));
    let output = world.run(&["scan", "-0", "/etc/hostname"]);
    assert!(output.status.code() == Some(2) && error(&output).contains("-0"));
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
    let (clamd, world) = (Clamd::start(), World::new());
    let command = || {
        let mut command = world.command(&["scan", TESTFILES]);
        command.arg("--clamd").arg(clamd.socket()).stderr(Stdio::piped());
        command
    };
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command().stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("standard output"), "{}", error(&output));

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command().stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), error(&output)), (Some(1), String::new()), "what was found stays found");
}

#[test]
fn a_warden_whose_records_go_nowhere_ends() {
    let (clamd, world) = (Clamd::start(), World::new());
    let mut command = world.command(&["watch"]);
    command.arg("--share").arg(&world.share).arg("--jail").arg(&world.jail).arg("--clamd").arg(clamd.socket());
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // And it is the same when there is nobody to read any more.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(0));
}

#[test]
fn completions_are_there_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let output = scanwatch(&["completions", shell]);
        assert!(output.status.success() && output.stdout.len() > 500);
    }
}
