//! auditdb as its users meet it: the program, a folder, and lines.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod asking;
mod astray;
mod checkpoints;
mod closed;
mod events;
mod export;
mod ingest;
mod manners;
mod mirror;
mod past;
mod prune;
mod reading;
mod refs;
mod report;
mod spool;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

/// The program, on a record of its own.
fn auditdb(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditdb"));
    command
        .arg("--directory")
        .arg(directory)
        .arg("--keys")
        .arg(keys(directory))
        .env_remove("CELLBLOCK_POLICY")
        .current_dir("/");
    command
}

/// Where the key of a test's record is: a temporary folder has nothing of ours beside it, so the build's has it.
fn keys(directory: &Path) -> std::path::PathBuf {
    let name = directory.display().to_string().replace('/', "_");
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name + ".key")
}

/// Runs it with this on standard input.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = start(command);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

/// Starts it with pipes on all three.
fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The lines of an output that is expected to end like this.
fn lines(output: &Output, status: i32) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A record line of a tool; `n` makes its id.
fn line(provider: &str, action: &str, n: u32) -> Value {
    json!({
        "@timestamp": format!("2026-11-22T05:{:02}:{:02}.000000Z", n / 60 % 60, n % 60),
        "ecs": {"version": "9.2.0"},
        "event": {"id": format!("019aa9b5-2a80-7c3e-9d6e-{n:012}"), "provider": provider, "action": action, "kind": "event", "severity": 0},
        "message": format!("line {n}"),
    })
}

/// Lines as they go into a pipe.
fn jsonl(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// What a query says: its rows.
fn ask(directory: &Path, sql: &str) -> Vec<Value> {
    lines(&run(auditdb(directory).args(["query", sql]), b""), 0)
}

/// The only number a query says.
fn count(directory: &Path, condition: &str) -> u64 {
    ask(directory, &format!("SELECT count(*) AS n FROM records WHERE {condition}"))[0]["n"].as_u64().unwrap()
}

/// The actions of records, in their order.
fn actions(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["event"]["action"].as_str().unwrap()).collect()
}
