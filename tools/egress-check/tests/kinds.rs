//! Each kind of probe against a small server of its kind on loopback. It is understood, it carries what the line chose,
//! and what comes back is told for what it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod piped;
mod quic;
mod serving;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use piped::piped;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::Acceptor;
use rustls::{ServerConfig, StreamOwned};
use serde_json::{Value, json};
use serving::serving;

/// Makes one probe of a line with `probe` in `cellblock.probe` and `more` beside it, and gives its record.
fn make(probe: &Value, more: Value) -> Value {
    let mut line = json!({
        "@timestamp": "2026-11-22T05:00:00.000000Z", "ecs": {"version": "9.2.0"},
        "event": {"id": "x", "provider": "jq", "action": "probe-planned", "kind": "state", "severity": 0},
        "cellblock": {"probe": probe}
    });
    let Value::Object(more) = more else { panic!("fields") };
    line.as_object_mut().unwrap().extend(more);
    let program = env!("CARGO_BIN_EXE_egress-check");
    let out = piped(Command::new(program).args(["run", "-", "--timeout", "20s"]), &line.to_string());
    let text = String::from_utf8(out.stdout).unwrap();
    let first = text.lines().next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    serde_json::from_str(first).unwrap()
}

fn to(address: SocketAddr) -> Value {
    json!({"address": address.ip().to_string(), "port": address.port()})
}

fn seen(record: &Value) -> &str {
    record["cellblock"]["probe"]["seen"].as_str().unwrap()
}

/// A server for whoever connects, which may tell the test what it was told.
fn server(then: impl Fn(TcpStream, &Sender<String>) + Send + Sync + 'static) -> (SocketAddr, Receiver<String>) {
    let (sender, receiver) = channel();
    (serving(move |stream| then(stream, &sender)), receiver)
}

/// The same inside TLS; the name in the handshake is told first.
fn tls_server(
    then: impl Fn(&mut dyn ReadWrite, &Sender<String>) + Send + Sync + 'static,
) -> (SocketAddr, Receiver<String>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    server(move |mut stream, tell| {
        let mut acceptor = Acceptor::default();
        let accepted = loop {
            acceptor.read_tls(&mut stream).unwrap();
            if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error).unwrap() {
                break accepted;
            }
        };
        let _ = tell.send(accepted.client_hello().server_name().unwrap_or("no name").to_owned());
        let session = accepted.into_connection(config.clone()).map_err(|(error, _)| error).unwrap();
        then(&mut StreamOwned::new(session, stream), tell);
    })
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// Reads a request up to the end of its head, and as much of a body as it says.
fn request(stream: &mut (impl Read + ?Sized)) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 4096];
        let read = stream.read(&mut more).unwrap_or(0);
        bytes.extend_from_slice(&more[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            if read == 0 {
                return (String::from_utf8_lossy(&bytes).into_owned(), Vec::new());
            }
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
        if bytes.len() >= end + 4 + length || read == 0 {
            return (head, bytes.split_off(end + 4));
        }
    }
}

/// The answer to a DNS question: one address, 192.0.2.7.
fn dns_answer(question: &[u8]) -> Vec<u8> {
    let mut reply = question.to_vec();
    (reply[2], reply[3], reply[7]) = (0x81, 0x80, 1);
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 7]);
    reply
}

/// One question and answer as TCP carries them.
fn dns_stream(stream: &mut (impl ReadWrite + ?Sized)) {
    let mut length = [0; 2];
    if stream.read_exact(&mut length).is_ok() {
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question).unwrap();
        let reply = dns_answer(&question);
        let framed = [&u16::try_from(reply.len()).unwrap().to_be_bytes()[..], &reply].concat();
        let _ = stream.write_all(&framed).and_then(|()| stream.flush());
    }
}

fn question() -> Value {
    json!({"question": {"name": "example.com", "type": "A"}})
}

#[test]
fn a_request_is_sent_with_the_method_path_and_host_of_the_line() {
    let (address, told) = server(|mut stream, tell| {
        let _ = tell.send(request(&mut stream).0);
        let _ = stream.write_all(b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n");
    });
    let more = json!({
        "destination": to(address), "url": {"domain": "other.example", "path": "/a/../b?c"},
        "http": {"request": {"method": "PROPFIND"}}
    });
    let record = make(&json!({"kind": "http", "expect": "blocked"}), more);
    let head = told.recv().unwrap();
    assert!(head.starts_with("PROPFIND /a/../b?c HTTP/1.1\r\n") && head.contains("\r\nHost: other.example"), "{head}");
    assert!(seen(&record).starts_with("HTTP 418"), "{record}");
    assert_eq!(record["event"]["outcome"], "failure");
}

#[test]
fn the_name_in_the_handshake_and_the_host_are_chosen_apart() {
    let (address, told) = tls_server(|stream, tell| {
        let _ = tell.send(request(stream).0);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").and_then(|()| stream.flush());
    });
    let more = json!({
        "destination": to(address), "url": {"domain": "inner.example", "path": "/"},
        "tls": {"client": {"server_name": "outer.example"}}
    });
    let record = make(&json!({"kind": "https", "expect": "pass"}), more);
    assert_eq!(told.recv().unwrap(), "outer.example");
    assert!(told.recv().unwrap().contains("Host: inner.example"));
    assert_eq!(record["event"]["outcome"], "success");
    let record = make(&json!({"kind": "tls", "expect": "blocked"}), json!({"destination": to(address)}));
    assert_eq!(told.recv().unwrap(), "no name", "an address is no name to send");
    assert_eq!(record["tls"]["established"], true);
}

#[test]
fn a_websocket_opens_plain_and_inside_tls() {
    let (plain, _) = server(|stream, _| drop(tungstenite::accept(stream)));
    let (inside, _told) = tls_server(|stream, _| drop(tungstenite::accept(stream)));
    for (kind, address) in [("ws", plain), ("wss", inside)] {
        let record = make(&json!({"kind": kind, "expect": "blocked"}), json!({"destination": to(address)}));
        assert!(seen(&record).starts_with("HTTP 101"), "{kind}: {record}");
        assert_eq!(record["http"]["response"]["status_code"], 101);
    }
}

#[test]
fn a_name_is_asked_for_over_udp_tcp_tls_and_https() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagrams = udp.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((read, client)) = udp.recv_from(&mut buffer) {
            udp.send_to(&dns_answer(&buffer[..read]), client).unwrap();
        }
    });
    let (tcp, _) = server(|mut stream, _| dns_stream(&mut stream));
    let (dot, _dot) = tls_server(|stream, _| dns_stream(stream));
    let (doh, told) = tls_server(|stream, tell| {
        let (head, body) = request(stream);
        let _ = tell.send(head);
        let reply = dns_answer(&body);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
        let _ = stream.write_all(&[head.as_bytes(), &reply].concat()).and_then(|()| stream.flush());
    });
    for (kind, address) in [("dns", datagrams), ("dns-tcp", tcp), ("dot", dot), ("doh", doh)] {
        let probe = json!({"kind": kind, "expect": "blocked", "evidence": "outside-name"});
        let record = make(&probe, json!({"destination": to(address), "dns": question()}));
        assert_eq!(seen(&record), "NOERROR 192.0.2.7", "{kind}: {record}");
        assert_eq!(record["event"]["outcome"], "failure", "{kind}: records come from outside only");
    }
    let (_, head) = (told.recv().unwrap(), told.recv().unwrap());
    assert!(head.contains("Content-Type: application/dns-message"), "RFC 8484: {head}");
}

#[test]
fn an_answer_that_was_cut_is_asked_for_again_over_tcp() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((read, client)) = udp.recv_from(&mut buffer) {
            let mut reply = buffer[..read].to_vec();
            (reply[2], reply[3]) = (0x83, 0x80);
            udp.send_to(&reply, client).unwrap();
        }
    });
    thread::spawn(move || tcp.incoming().for_each(|stream| dns_stream(&mut stream.unwrap())));
    let record =
        make(&json!({"kind": "dns", "expect": "pass"}), json!({"destination": to(address), "dns": question()}));
    assert_eq!(seen(&record), "NOERROR 192.0.2.7");
}

/// A real QUIC server on loopback; the names of its handshakes come through the receiver.
fn quic_server(protocol: &'static str, manner: quic::Manner) -> (SocketAddr, Receiver<String>) {
    let (tell, names) = channel();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (endpoint, address) = quic::bind("127.0.0.1:0".parse().unwrap(), protocol);
            sender.send(address).unwrap();
            quic::serve(endpoint, manner, move |name| drop(tell.send(name))).await;
        });
    });
    (receiver.recv().unwrap(), names)
}

#[test]
fn a_real_quic_server_reads_the_first_packet_and_its_answer_is_opened() {
    let (address, names) = quic_server("h3", quic::Manner::Welcomes);
    let chosen = json!({"destination": to(address), "tls": {"client": {"server_name": "chosen.example"}}});
    let record = make(&json!({"kind": "quic", "expect": "blocked"}), chosen);
    assert!(seen(&record).contains("QUIC v1: ServerHello"), "{record}");
    assert_eq!(record["event"]["outcome"], "failure");
    assert_eq!(names.recv().unwrap(), "chosen.example");
    make(&json!({"kind": "quic", "expect": "pass"}), json!({"destination": to(address)}));
    assert_eq!(names.recv().unwrap(), "no name", "an address is no name");
}

#[test]
fn a_quic_server_that_refuses_or_wants_a_retry_has_answered() {
    let (address, _names) = quic_server("not-h3", quic::Manner::Welcomes);
    let record = make(&json!({"kind": "quic", "expect": "blocked"}), json!({"destination": to(address)}));
    assert!(seen(&record).contains("it refuses with TLS alert 120"), "no_application_protocol: {record}");
    let (address, _names) = quic_server("h3", quic::Manner::Retries);
    let record = make(&json!({"kind": "quic", "expect": "pass"}), json!({"destination": to(address)}));
    assert!(seen(&record).contains("QUIC v1: Retry"), "{record}");
    assert_eq!(record["event"]["outcome"], "success");
}

/// A server that answers each datagram with what `answer` makes of it.
fn datagrams(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((read, client)) = server.recv_from(&mut buffer) {
            let _ = server.send_to(&answer(&buffer[..read]), client);
        }
    });
    address
}

#[test]
fn a_quic_server_of_other_versions_is_known_by_the_versions_it_offers() {
    let address = datagrams(|packet| {
        assert!(packet.len() >= 1200 && packet[0] & 0xc0 == 0xc0, "a long header in a full first datagram (RFC 9000)");
        // Version 0, our ids the other way round, and a version of its own.
        [&[0x80, 0, 0, 0, 0], &packet[14..23], &packet[5..14], &[0xff, 0, 0, 29]].concat()
    });
    let record = make(&json!({"kind": "quic", "expect": "blocked"}), json!({"destination": to(address)}));
    assert!(seen(&record).contains("QUIC version negotiation, 1 versions"), "{record}");
    assert_eq!(record["event"]["outcome"], "failure");
}

#[test]
fn what_comes_back_from_no_quic_server_is_told_and_decides_nothing() {
    let echo = datagrams(<[u8]>::to_vec);
    let words = datagrams(|_| b"go away\r\n".to_vec());
    for (address, what) in [(echo, "that answer nothing"), (words, "that answer nothing: go away")] {
        for expect in ["blocked", "pass"] {
            let probe = json!({"kind": "quic", "expect": expect, "timeout_ms": 1500});
            let record = make(&probe, json!({"destination": to(address)}));
            assert!(seen(&record).contains(what), "{record}");
            assert_eq!(record["event"]["outcome"], "unknown");
        }
    }
}

#[test]
fn a_unix_socket_is_asked_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
        }
    });
    let probe = || json!({"kind": "unix", "expect": "blocked"});
    let record = make(&probe(), json!({"destination": {"address": path.to_str().unwrap()}}));
    assert!(seen(&record).contains("HTTP 200"), "{record}");
    assert_eq!(record["event"]["outcome"], "failure");
    let record = make(&probe(), json!({"destination": {"address": "/nowhere/engine.sock"}}));
    assert_eq!(record["event"]["outcome"], "unknown", "no control: {record}");
}
