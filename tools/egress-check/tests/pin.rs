//! `pin` against servers of its own on loopback: the right certificate, a wrong one, no TLS, no
//! WebSocket, nobody.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

struct Vault {
    address: SocketAddr,
    leaf: String,
    spki: String,
}

fn pin_of(bytes: &[u8]) -> String {
    let digits: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

/// A TLS server with a fresh certificate; what comes after the handshake is `then`'s.
fn vault(then: fn(StreamOwned<ServerConnection, TcpStream>)) -> Vault {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let (leaf, spki) = (pin_of(made.cert.der()), pin_of(&spki_of(made.cert.der())));
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let session = ServerConnection::new(config.clone()).unwrap();
            then(StreamOwned::new(session, stream.unwrap()));
        }
    });
    Vault { address, leaf, spki }
}

fn spki_of(leaf: &[u8]) -> Vec<u8> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    X509Certificate::from_der(leaf).unwrap().1.public_key().raw.to_vec()
}

fn greets(stream: StreamOwned<ServerConnection, TcpStream>) {
    if let Ok(mut socket) = tungstenite::accept(stream) {
        let _ = socket.send(tungstenite::Message::text(r#"{"event":"connect.challenge"}"#));
        let _ = socket.read();
    }
}

fn only_http(mut stream: StreamOwned<ServerConnection, TcpStream>) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

fn check(address: SocketAddr, pins: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-check"));
    command.args(["pin", &format!("wss://{address}"), "--timeout", "3s"]).current_dir("/");
    for pin in pins {
        command.args(["--pin", pin]);
    }
    let out = command.output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let line = text.lines().next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    (out.status.code().unwrap(), serde_json::from_str(line).unwrap())
}

fn reason(record: &Value) -> &str {
    record["event"]["reason"].as_str().unwrap()
}

#[test]
fn the_pinned_leaf_or_key_matches_among_several_and_the_websocket_greets() {
    let vault = vault(greets);
    let wrong = format!("sha256:{}", "00".repeat(32));
    for pin in [&vault.leaf, &vault.spki] {
        let (exit, record) = check(vault.address, &[&wrong, pin]);
        assert_eq!(exit, 0, "{record}");
        assert_eq!(record["cellblock"]["pin"]["matched"], pin.as_str());
        assert_eq!(record["cellblock"]["pin"]["websocket"], true);
        assert!(record["cellblock"]["pin"]["greeting"].as_str().unwrap().contains("connect.challenge"));
        assert_eq!(format!("sha256:{}", record["tls"]["server"]["hash"]["sha256"].as_str().unwrap()), vault.leaf);
    }
}

#[test]
fn a_pin_with_colons_is_the_same_pin() {
    let vault = vault(greets);
    let digits = vault.leaf.trim_start_matches("sha256:").to_uppercase();
    let pairs: Vec<&str> = (0..64).step_by(2).map(|at| &digits[at..at + 2]).collect();
    assert_eq!(check(vault.address, &[&format!("sha256:{}", pairs.join(":"))]).0, 0);
}

#[test]
fn a_wrong_pin_is_a_finding() {
    let (exit, record) = check(vault(greets).address, &[&format!("sha256:{}", "00".repeat(32))]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("wrong certificate"), "{record}");
    assert_eq!(record["event"]["severity"], 73);
}

#[test]
fn the_right_certificate_without_a_websocket_is_told_apart() {
    let vault = vault(only_http);
    let (exit, record) = check(vault.address, &[&vault.leaf]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("no WebSocket") && reason(&record).contains("404"), "{record}");
}

#[test]
fn a_server_without_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (exit, record) = check(address, &[&format!("sha256:{}", "00".repeat(32))]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("no TLS"), "{record}");
}

#[test]
fn nobody_there_is_unknown_and_never_a_pass() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (exit, record) = check(address, &[&format!("sha256:{}", "00".repeat(32))]);
    assert_eq!(exit, 3);
    assert!(reason(&record).contains("nobody there"), "{record}");
}
