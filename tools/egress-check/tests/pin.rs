//! `pin` against servers of its own on loopback: the right certificate, a wrong one, no TLS, no
//! WebSocket, nobody.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod serving;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use serving::serving;
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
    serve(made.cert.der(), &made.signing_key, then)
}

fn serve(cert: &CertificateDer<'static>, key: &KeyPair, then: fn(StreamOwned<ServerConnection, TcpStream>)) -> Vault {
    let (leaf, spki) = (pin_of(cert), pin_of(&spki_of(cert)));
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.clone()], key)
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

fn wants_a_token(mut stream: StreamOwned<ServerConnection, TcpStream>) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
}

fn check(address: SocketAddr, pins: &[&str]) -> (i32, Value) {
    let args: Vec<&str> = pins.iter().flat_map(|pin| ["--pin", pin]).collect();
    check_with(address, &args)
}

fn check_with(address: SocketAddr, args: &[&str]) -> (i32, Value) {
    // A check that has not ended after a minute never does.
    let mut command = Command::new("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_egress-check"), "pin", &format!("wss://{address}"), "--timeout", "3s"]);
    command.args(args);
    command.current_dir("/").env_remove("CELLBLOCK_POLICY");
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

/// As agents do whose WebSocket opens to nobody without a token.
#[test]
fn an_agent_that_asks_for_a_token_has_answered_and_a_wrong_certificate_is_one_all_the_same() {
    let vault = vault(wants_a_token);
    let (exit, record) = check(vault.address, &[&vault.leaf]);
    assert_eq!(exit, 0, "{record}");
    assert!(
        reason(&record).contains("asks for a token") && record["cellblock"]["pin"]["websocket"] == false,
        "{record}"
    );
    assert_eq!(check(vault.address, &[&format!("sha256:{}", "00".repeat(32))]).0, 1);
    // Any server may answer so: without a pin it is nobody that is known, and none to be trusted from now on.
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first").to_str().unwrap().to_owned();
    assert_eq!(check_with(vault.address, &["--trust-on-first-use", &first]).0, 3);
    assert!(!std::path::Path::new(&first).exists());
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

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A vault whose certificate an authority signed, for this name, until this year.
fn signed(by: &Authority, name: &str, year: i32) -> Vault {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
    serve(params.signed_by(&key, by).unwrap().der(), &key, greets)
}

#[test]
fn a_pinned_certificate_that_is_expired_and_names_another_host_is_a_success_with_both_warnings() {
    let vault = signed(&authority(), "vault.example", 2021);
    let (exit, record) = check(vault.address, &[&vault.leaf]);
    assert_eq!((exit, &record["event"]["severity"]), (0, &Value::from(47)), "{record}");
    let reason = reason(&record);
    assert!(reason.contains("it expired at 2021-01-01") && reason.contains("names vault.example and not 127.0.0.1"));
    let vault = signed(&authority(), "127.0.0.1", 2100);
    let (_, record) = check(vault.address, &[&vault.leaf]);
    assert_eq!(record["event"]["severity"], 0, "one that is neither: {record}");
}

fn pem(authority: &Authority) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.as_ref().pem().as_bytes()).unwrap();
    file
}

#[test]
fn a_chain_is_held_against_the_authorities_and_each_fault_has_its_words() {
    let (ours, stranger) = (authority(), authority());
    let file = pem(&ours);
    let check = |vault: &Vault| check_with(vault.address, &["--ca", file.path().to_str().unwrap()]);
    let (exit, record) = check(&signed(&ours, "127.0.0.1", 2100));
    assert_eq!(exit, 0, "{record}");
    for (vault, words) in [
        (signed(&stranger, "127.0.0.1", 2100), "none of the authorities signed it"),
        (signed(&ours, "127.0.0.1", 2021), "it has expired"),
        (signed(&ours, "vault.example", 2100), "it is for another name"),
        (vault(greets), "--ca"),
    ] {
        let (exit, record) = check(&vault);
        assert_eq!(exit, 1, "{record}");
        assert!(reason(&record).contains(words), "{record}");
    }
}

#[test]
fn a_pin_and_an_authority_must_both_be_content() {
    let ours = authority();
    let (file, vault) = (pem(&ours), signed(&ours, "127.0.0.1", 2100));
    let ca = file.path().to_str().unwrap();
    assert_eq!(check_with(vault.address, &["--ca", ca, "--pin", &vault.leaf]).0, 0);
    let wrong = format!("sha256:{}", "00".repeat(32));
    let (exit, record) = check_with(vault.address, &["--ca", ca, "--pin", &wrong]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("wrong certificate"), "{record}");
}

#[test]
fn a_file_of_authorities_that_holds_none_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-check"));
    let out = command.args(["pin", "wss://127.0.0.1:1", "--ca", file.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no certificate in it"), "{out:?}");
}

#[test]
fn the_first_certificate_is_trusted_once_and_another_one_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("first");
    let file = path.to_str().unwrap();
    let (first, second) = (vault(greets), vault(greets));
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-check"));
    let out =
        command.args(["pin", &format!("wss://{}", first.address), "--trust-on-first-use", file]).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    let advice = format!("pins = [\"{}\"] in [vault] of the policy", first.leaf);
    assert!(String::from_utf8_lossy(&out.stderr).contains(&advice), "{out:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), first.leaf);
    assert_eq!(check_with(first.address, &["--trust-on-first-use", file]).0, 0);
    let (exit, record) = check_with(second.address, &["--trust-on-first-use", file]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("wrong certificate"), "{record}");
}

/// Bytes that promise more, one now and then, for ever.
fn drips(start: &'static [u8]) -> SocketAddr {
    serving(move |mut stream| {
        let _ = stream.write_all(start);
        while stream.write_all(&[0]).is_ok() {
            thread::sleep(std::time::Duration::from_millis(50));
        }
    })
}

fn drips_headers(mut stream: StreamOwned<ServerConnection, TcpStream>) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX: ");
    while stream.write_all(b"x").and_then(|()| stream.flush()).is_ok() {
        thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn whoever_answers_a_byte_at_a_time_does_not_hold_it_up() {
    // The head of a TLS handshake record of 16 KiB.
    let (exit, record) = check(drips(&[22, 3, 3, 0x40, 0]), &[&format!("sha256:{}", "00".repeat(32))]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("no TLS") && reason(&record).contains("in time"), "{record}");
    let vault = vault(drips_headers);
    let (exit, record) = check(vault.address, &[&vault.leaf]);
    assert_eq!(exit, 1);
    assert!(reason(&record).contains("no WebSocket") && reason(&record).contains("in time"), "{record}");
}
