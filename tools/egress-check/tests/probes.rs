//! Probes on loopback: what answers, what is silent, what only looks alive, and what each ends as.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod piped;
mod serving;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use piped::piped;
use serde_json::{Value, json};
use serving::serving;

/// A probe line with as little in it as a person would write.
fn line(kind: &str, expect: &str, target: SocketAddr, more: Value) -> String {
    let mut line = json!({
        "@timestamp": "2026-11-22T05:00:00.000000Z", "ecs": {"version": "9.2.0"},
        "event": {"id": "x", "provider": "jq", "action": "probe-planned", "kind": "state", "severity": 0},
        "destination": {"address": target.ip().to_string(), "port": target.port()},
        "cellblock": {"probe": {"kind": kind, "expect": expect}}
    });
    merge(&mut line, more);
    line.to_string()
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn run(lines: &[String], args: &[&str]) -> (i32, Vec<Value>) {
    let program = env!("CARGO_BIN_EXE_egress-check");
    let out = piped(Command::new(program).args(["run", "-"]).args(args), &lines.join("\n"));
    let records: Vec<Value> =
        String::from_utf8(out.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!records.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    (out.status.code().unwrap(), records)
}

fn outcome(record: &Value) -> &str {
    record["event"]["outcome"].as_str().unwrap()
}

/// A server that says this to whoever has said something, then closes.
fn speaks(answer: &'static [u8]) -> SocketAddr {
    serving(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer);
    })
}

/// A server that takes connections and never says a word.
fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let _kept: Vec<_> = listener.incoming().collect();
    });
    address
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn bytes_are_evidence_and_a_bare_handshake_is_not() {
    let lines = [
        line("tcp", "blocked", speaks(b"SSH-2.0-test\r\n"), json!({})),
        line("tcp", "pass", speaks(b"SSH-2.0-test\r\n"), json!({})),
        line("tcp", "blocked", silent(), json!({})),
        line("tcp", "pass", silent(), json!({})),
        line("tcp", "blocked", nobody(), json!({})),
        line("tcp", "pass", nobody(), json!({})),
    ];
    let (exit, records) = run(&lines, &["--timeout", "500ms"]);
    let found: Vec<&str> = records.iter().take(6).map(outcome).collect();
    assert_eq!(found, ["failure", "success", "unknown", "unknown", "unknown", "failure"]);
    assert_eq!(exit, 1);
    assert_eq!(records[6]["cellblock"]["counts"], json!({"checked": 6, "passed": 1, "failed": 2, "unknown": 3}));
    assert_eq!(records[0]["event"]["severity"], 73);
    assert!(records[0]["cellblock"]["probe"]["seen"].as_str().unwrap().contains("SSH-2.0-test"));
}

#[test]
fn http_says_who_spoke_and_the_gates_own_refusal_is_no_way_out() {
    let refusal: &[u8] = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n\
        {\"error\":\"not-listed\",\"client\":\"monitor\",\"reason\":\"r\",\"mend\":\"m\"}\n";
    let server: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    let beyond =
        json!({"cellblock": {"probe": {"evidence": "beyond-gate"}}, "url": {"domain": "example.com", "path": "/"}});
    let lines = [
        line("http", "blocked", speaks(refusal), beyond.clone()),
        line("http", "blocked", speaks(server), beyond.clone()),
        line("http", "pass", speaks(refusal), beyond.clone()),
        line("http", "pass", speaks(server), beyond),
    ];
    let (exit, records) = run(&lines, &["--timeout", "1s"]);
    let found: Vec<&str> = records.iter().take(4).map(outcome).collect();
    assert_eq!(found, ["unknown", "failure", "failure", "success"], "without a control a refusal alone shows nothing");
    assert_eq!(exit, 1);
    assert_eq!(records[3]["http"]["response"]["status_code"], 404);
}

#[test]
fn a_dns_answer_of_the_wrong_question_is_none_and_servfail_is_no_leak() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((read, client)) = server.recv_from(&mut buffer) {
            let mut reply = buffer[..read].to_vec();
            reply[2] |= 0x80;
            reply[3] = 2; // SERVFAIL
            let mut forged = reply.clone();
            forged[0] ^= 0xff;
            forged[3] = 0;
            server.send_to(&forged, client).unwrap();
            server.send_to(&reply, client).unwrap();
        }
    });
    let question = json!({"dns": {"question": {"name": "example.com", "type": "A"}}, "cellblock": {"probe": {"evidence": "outside-name", "unique": true}}});
    let (exit, records) = run(&[line("dns", "blocked", address, question)], &["--timeout", "1s"]);
    assert_eq!((exit, outcome(&records[0])), (3, "unknown"));
    assert_eq!(records[0]["dns"]["response_code"], "SERVFAIL", "the forged answer came first, with another id");
    assert!(records[0]["dns"]["question"]["name"].as_str().unwrap().starts_with("ec-"));
}

#[test]
fn a_server_that_loses_most_of_what_it_is_sent_is_found_all_the_same() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..5 {
            server.recv_from(&mut [0; 512]).unwrap();
        }
        let (_, client) = server.recv_from(&mut [0; 512]).unwrap();
        server.send_to(b"drowning", client).unwrap();
    });
    let (exit, records) = run(&[line("udp", "blocked", address, json!({}))], &["--timeout", "6s"]);
    assert_eq!((exit, outcome(&records[0])), (1, "failure"), "{}", records[0]);
}

#[test]
fn a_server_that_is_away_for_both_of_the_first_turns_is_asked_once_more_when_all_else_is_done() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        server.recv_from(&mut [0; 512]).unwrap();
        let away = Instant::now() + Duration::from_millis(1300);
        loop {
            let (_, client) = server.recv_from(&mut [0; 512]).unwrap();
            if Instant::now() > away {
                server.send_to(b"back again", client).unwrap();
            }
        }
    });
    let (exit, records) = run(&[line("udp", "pass", address, json!({}))], &["--timeout", "500ms"]);
    assert_eq!((exit, outcome(&records[0])), (0, "success"), "{}", records[0]);
}

#[test]
fn a_gate_that_takes_connections_and_says_nothing_at_first_is_asked_once_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let _mute: Vec<_> = (0..2).map(|_| listener.accept().unwrap()).collect();
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        let body = r#"{"error":"name-not-listed","reason":"no","mend":"none"}"#;
        let head =
            format!("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes()).unwrap();
    });
    let gate = json!({"cellblock": {"probe": {"evidence": "beyond-gate"}}});
    let (_, records) = run(&[line("http", "blocked", address, gate)], &["--timeout", "500ms"]);
    let reason = records[0]["event"]["reason"].as_str().unwrap();
    assert!(!reason.contains("not a byte"), "{reason}");
}

#[test]
fn many_probes_wait_together() {
    let target = silent();
    let lines: Vec<String> = (0..300).map(|_| line("tcp", "blocked", target, json!({}))).collect();
    let start = Instant::now();
    let (exit, records) = run(&lines, &["--timeout", "1s"]);
    assert_eq!((exit, records.len()), (3, 301));
    assert!(start.elapsed() < Duration::from_secs(30), "one after the other they would take 300 s");
}

#[test]
fn no_more_wait_at_once_than_was_said() {
    const BOUND: usize = 7;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let judge = thread::spawn(move || {
        for _ in 0..3 {
            let held: Vec<_> = (0..BOUND).map(|_| listener.accept().unwrap().0).collect();
            // Nobody is answered, so an eighth could come now, and only now.
            thread::sleep(Duration::from_millis(300));
            listener.set_nonblocking(true).unwrap();
            assert!(listener.accept().is_err(), "more than {BOUND} at once");
            listener.set_nonblocking(false).unwrap();
            held.into_iter().for_each(|mut stream| stream.write_all(b"here\n").unwrap());
        }
    });
    let lines: Vec<String> = (0..3 * BOUND).map(|_| line("tcp", "pass", address, json!({}))).collect();
    let (exit, records) = run(&lines, &["--timeout", "60s", "--parallel", "7"]);
    judge.join().unwrap();
    assert_eq!((exit, records.len()), (0, 3 * BOUND + 1));
}

#[test]
fn a_name_without_a_resolver_is_said_to_be_unresolved() {
    let mut named = line("tcp", "pass", nobody(), json!({}));
    named = named.replace("\"address\":\"127.0.0.1\"", "\"address\":\"name.invalid\"");
    let resolver = UdpSocket::bind("127.0.0.1:0").unwrap();
    drop(resolver);
    let (exit, records) = run(&[named], &["--timeout", "400ms", "--resolver", "127.0.0.1"]);
    assert_eq!(exit, 1);
    assert!(records[0]["event"]["reason"].as_str().unwrap().contains("no such name"), "{}", records[0]);
}
