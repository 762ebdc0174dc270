//! Whoever answers may be the enemy: answers without an end, byte by byte, with lengths that lie.
//! A run ends, holds little, and calls nothing a pass that is none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod piped;
mod serving;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use piped::piped;
use serde_json::{Value, json};
use serving::serving;

/// Address space for the whole run, in KiB: a run that keeps what it is sent does not fit.
const ROOM: &str = "1500000";
/// A run that has not ended after so many seconds never does.
const TIMEOUT: &str = "60";

fn line(kind: &str, evidence: &str, target: SocketAddr) -> String {
    json!({
        "@timestamp": "2026-11-22T05:00:00.000000Z", "ecs": {"version": "9.2.0"},
        "event": {"id": "x", "provider": "jq", "action": "probe-planned", "kind": "state", "severity": 0},
        "destination": {"address": target.ip().to_string(), "port": target.port()},
        "dns": {"question": {"name": "example.com", "type": "A"}},
        "cellblock": {"probe": {"kind": kind, "expect": "blocked", "evidence": evidence}}
    })
    .to_string()
}

fn run(lines: &[String]) -> Vec<Value> {
    let script = format!("ulimit -v {ROOM}; exec timeout {TIMEOUT} \"$@\"");
    let program = ["-c", &script, "sh", env!("CARGO_BIN_EXE_egress-check"), "run", "-", "--timeout", "700ms"];
    let out = piped(Command::new("sh").args(program), &lines.join("\n"));
    let text = String::from_utf8(out.stdout).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whole = records.last().is_some_and(|last| last["event"]["action"] == "run-finished");
    assert!(whole, "{:?}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    assert_eq!(records.len(), lines.len() + 1);
    assert!(text.lines().all(|line| line.len() < 8192), "a line has a bound, whatever was answered");
    records
}

fn outcome(record: &Value) -> &str {
    record["event"]["outcome"].as_str().unwrap()
}

/// As fast as it goes, until nobody takes it any more.
fn floods(mut stream: TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
    while stream.write_all(&[b'x'; 65536]).is_ok() {}
}

/// A byte at a time, for ever.
fn drips(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n");
    while stream.write_all(b"x").is_ok() {
        thread::sleep(Duration::from_micros(200));
    }
}

/// The longest message that DNS over TCP has room for, and not a byte of it.
fn promises(mut stream: TcpStream) {
    let _ = stream.write_all(&[0xff, 0xff]);
    while stream.read(&mut [0; 512]).is_ok_and(|read| read > 0) {}
    thread::sleep(Duration::from_secs(30));
}

/// Datagrams that answer nothing, without an end.
fn chatters() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((_, client)) = socket.recv_from(&mut buffer) {
            let socket = socket.try_clone().unwrap();
            thread::spawn(move || (0..20_000).all(|_| socket.send_to(&[0; 40], client).is_ok()));
        }
    });
    address
}

#[test]
fn answers_without_an_end_are_answers_and_the_run_ends() {
    let kinds = ["tcp", "http", "https", "tls", "ws", "wss", "dns-tcp", "dot", "doh"];
    let lines = |target| kinds.map(|kind| line(kind, "target", target));
    let lines = [lines(serving(floods)), lines(serving(drips)), lines(serving(promises))].concat();
    let records = run(&lines);
    let talked = records.iter().take(2 * kinds.len()).filter(|record| outcome(record) == "failure");
    assert!(talked.count() >= 4, "whoever talks without an end has answered: {records:?}");
    assert!(records.iter().take(lines.len()).all(|record| outcome(record) != "success"));
}

#[test]
fn many_that_drip_at_once_keep_nobody_busy() {
    let target = serving(drips);
    let lines: Vec<String> = (0..60).map(|_| line("http", "target", target)).collect();
    let records = run(&lines);
    assert!(records.iter().take(60).all(|record| outcome(record) == "failure"));
}

#[test]
fn datagrams_that_answer_nothing_are_no_answer_and_hold_nobody_up() {
    let target = chatters();
    let records = run(&[line("dns", "outside-name", target), line("udp", "target", target)]);
    assert_ne!(outcome(&records[0]), "failure", "no DNS answer was among them: {}", records[0]);
    assert_eq!(outcome(&records[1]), "failure", "to a plain probe anything is an answer");
}
