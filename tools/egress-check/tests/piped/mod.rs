//! The program with lines on its standard input, and all that it said.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs it to its end, away from any policy.
pub(crate) fn piped(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .env_remove("CELLBLOCK_POLICY")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
