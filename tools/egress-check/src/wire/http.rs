//! HTTP/1.1 and WebSocket upgrades, plain or inside TLS: one request, one response, a bound on both.

use std::net::SocketAddr;

use record::cellblock::ProbeKind;
use record::{GateClass, GateCode};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::{Origin, Step, tcp, tls};
use crate::probe::observation::{Observation, Speaker};
use crate::probe::question::{Ask, Request};

/// Most of what is read of a response, head and body together.
const MOST: usize = 64 * 1024;

/// A response, as much of it as was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) bytes: u64,
}

/// What the gate says in its own words, as `sandboxctl render nginx` writes them; more may stand beside these.
#[derive(Deserialize)]
struct GateSays {
    error: String,
    #[serde(rename = "client")]
    _client: String,
    #[serde(rename = "reason")]
    _reason: String,
}

/// Sends one request over TCP or TLS, and tells who answered.
pub(super) async fn ask(origin: &Origin, target: SocketAddr, ask: &Ask, deadline: Instant) -> Step<Observation> {
    let request = ask.request.clone().unwrap_or_else(|| Request {
        method: "GET".to_owned(),
        host: ask.host(),
        path: "/".to_owned(),
    });
    let head = head(&request, matches!(ask.kind, ProbeKind::Ws | ProbeKind::Wss));
    let (response, port) = if matches!(ask.kind, ProbeKind::Https | ProbeKind::Wss) {
        let stream = tls::open(origin, target, ask, deadline).await?;
        let port = stream.get_ref().0.local_addr().ok().map(|own| own.port());
        (exchange(stream, &head, deadline).await?, port)
    } else {
        let stream = tcp::connect(target, deadline).await?;
        let port = stream.local_addr().ok().map(|own| own.port());
        (exchange(stream, &head, deadline).await?, port)
    };
    let from = speaker(&response, &request.method);
    Ok(Observation::Http { status: response.status, from, bytes: response.bytes, port })
}

fn speaker(response: &Response, method: &str) -> Speaker {
    match serde_json::from_slice::<GateSays>(&response.body) {
        Ok(says) if response.status >= 400 => match GateCode::named(&says.error) {
            // CONNECT is passed to nobody, whatever the gate says of it (nginx has none: RFC 9110 section 9.3.6).
            Some(code) if code.is_by_rule() || (method == "CONNECT" && code.class() == GateClass::Refused) => {
                Speaker::GateRefuses
            }
            Some(code) if code.class() == GateClass::PassedOn => Speaker::GateFailed,
            // It kept this request for another reason. The next one may pass.
            Some(_) => Speaker::GateUnclear,
            // A word of a later gate's, or of somebody who plays the gate: no proof that nothing went out.
            None => Speaker::GateUnclear,
        },
        _ if method == "CONNECT" && response.status >= 400 => Speaker::GateRefuses,
        _ => Speaker::Server,
    }
}

fn head(request: &Request, upgrade: bool) -> Vec<u8> {
    let Request { method, host, path } = request;
    // RFC 6455 section 4.1; the key is its own example, which any server takes.
    let rest = if upgrade {
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    } else {
        "Connection: close\r\n"
    };
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: egress-check\r\nAccept: */*\r\n{rest}\r\n")
        .into_bytes()
}

/// Sends a request and reads the response to its end, or to the bound.
pub(super) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
    deadline: Instant,
) -> Step<Response> {
    match timeout_at(deadline, stream.write_all(request)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Observation::after_connect(&error)),
        Err(_) => return Err(Observation::Connected),
    }
    let mut bytes = tcp::first_bytes(&mut stream, deadline).await?;
    let mut length = Length::default();
    while bytes.len() < MOST && !length.is_reached(&bytes) && Instant::now() < deadline {
        let mut more = [0u8; 8192];
        match timeout_at(deadline, stream.read(&mut more)).await {
            Ok(Ok(read)) if read > 0 => bytes.extend_from_slice(more.get(..read).unwrap_or_default()),
            // What has come is an answer, however it ends.
            _ => break,
        }
    }
    parse(&bytes).ok_or_else(|| Observation::Answered { bytes: bytes.len() as u64, what: tcp::first_line(&bytes) })
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// How long a response is going to be, found out as it comes. No byte is looked at twice, however small the pieces that
/// a server sends.
#[derive(Debug, Default)]
struct Length {
    searched: usize,
    whole: Option<usize>,
}

impl Length {
    /// Has all of it come? A response without a length ends with the connection.
    fn is_reached(&mut self, bytes: &[u8]) -> bool {
        if self.whole.is_none() {
            let from = self.searched.saturating_sub(3);
            let end = bytes.get(from..).and_then(end_of_head).map(|end| from + end);
            self.searched = bytes.len();
            self.whole = end.map(|end| expected(bytes.get(..end).unwrap_or_default()));
        }
        self.whole.is_some_and(|whole| bytes.len() >= whole)
    }
}

/// The length of a response with this head.
fn expected(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    if text.starts_with("http/1.1 101") || text.starts_with("http/1.1 204") {
        return head.len();
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    length
        .and_then(|length| length.trim().parse().ok())
        .map_or(usize::MAX, |length: usize| head.len().saturating_add(length))
}

/// The status and the body; nothing where it is no HTTP.
fn parse(bytes: &[u8]) -> Option<Response> {
    let status = bytes.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    let body = end_of_head(bytes).and_then(|at| bytes.get(at..)).unwrap_or_default().to_vec();
    Some(Response { status, body, bytes: bytes.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_response_is_whole_when_its_length_has_come() {
        let is_whole = |bytes: &[u8]| {
            let mut length = Length::default();
            let at_once = Length::default().is_reached(bytes);
            let piecewise = (1..=bytes.len()).any(|end| length.is_reached(&bytes[..end]));
            assert_eq!(at_once, piecewise, "in whatever pieces it comes");
            at_once
        };
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"));
        assert!(is_whole(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nabc"), "it ends with the connection");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
            let text = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bytes.as_slice()].concat();
            let mut length = Length::default();
            let _ = length.is_reached(text.get(..cut).unwrap_or_default());
            prop_assert_eq!(length.is_reached(&text), bytes.len() >= 5, "in two pieces as in one");
            let _ = (parse(&bytes), parse(&text), Length::default().is_reached(&bytes));
        }
    }

    #[test]
    fn what_is_no_http_has_no_status() {
        assert_eq!(parse(b"SSH-2.0-OpenSSH_9.2\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 2x0 OK\r\n\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 421 M\r\n\r\nx").unwrap().status, 421);
    }

    #[test]
    fn only_the_gate_speaks_as_the_gate() {
        let answer = |status, body: &str| Response { status, body: body.as_bytes().to_vec(), bytes: 0 };
        let says = |status, body: &str| speaker(&answer(status, body), "GET");
        let refusal = r#"{"error":"name-not-listed","client":"cell","rule":"egress-1","reason":"r","mend":"m"}"#;
        assert_eq!(says(403, refusal), Speaker::GateRefuses);
        assert_eq!(says(200, refusal), Speaker::Server, "a refusal has a status to go with it");
        assert_eq!(says(403, r#"{"error":"name-not-listed"}"#), Speaker::Server);
        assert_eq!(says(404, "<html>"), Speaker::Server);
        assert_eq!(speaker(&answer(405, "<html>"), "CONNECT"), Speaker::GateRefuses);
        assert_eq!(speaker(&answer(200, ""), "CONNECT"), Speaker::Server, "a tunnel that opened");
    }

    #[test]
    fn only_a_refusal_by_a_rule_is_one_and_no_failure_no_limit_and_no_word_that_nobody_knows() {
        let says = |error: &str| {
            let body = format!(r#"{{"error":"{error}","client":"cell","rule":"egress-1","reason":"r","mend":"m"}}"#);
            speaker(&Response { status: 502, body: body.into_bytes(), bytes: 0 }, "GET")
        };
        for code in GateCode::ALL {
            assert_eq!(says(code.name()) == Speaker::GateRefuses, code.is_by_rule(), "{}", code.name());
        }
        for passed_on in
            ["upstream-timeout", "upstream-unreachable", "name-unresolved", "tls-failed", "certificate-refused"]
        {
            assert_eq!(says(passed_on), Speaker::GateFailed, "{passed_on}");
        }
        for of_a_listed_name in ["too-many-requests", "credential-not-delivered", "body-too-large", "bad-request"] {
            assert_eq!(says(of_a_listed_name), Speaker::GateUnclear, "{of_a_listed_name}");
        }
        let connect = br#"{"error":"bad-request","client":"cell","reason":"r","mend":"m"}"#.to_vec();
        assert_eq!(speaker(&Response { status: 400, body: connect, bytes: 0 }, "CONNECT"), Speaker::GateRefuses);
        assert_eq!(says("refused-by-a-later-gate"), Speaker::GateUnclear);
        assert_eq!(says(""), Speaker::GateUnclear);
    }
}
