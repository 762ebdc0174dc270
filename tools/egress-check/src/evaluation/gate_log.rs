//! `--gate-log`: what the gate refused while the probes ran, by its own log. Where nobody has the address that a
//! request names, its refusal alone shows little: a server behind the gate could have said the same. The log is
//! written by the gate, and each of its lines has the port that the request came from.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use engine::Engine;
use jiff::Timestamp;
use policy::{Policy, Service};
use record::{GATE, GateCode, MAX_LINE, Outcome};
use serde::Deserialize;

use crate::probe::observation::{Observation, Speaker};
use crate::probe::question::Ask;
use crate::wire::source_address::SourceAddress;

/// How long nginx and the engine may take until a line is there.
const SETTLED: Duration = Duration::from_millis(500);
/// How long the engine may take to give the log of a run.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The gate's container, and when the run began.
#[derive(Debug)]
pub(crate) struct GateLog {
    container: String,
    since: Timestamp,
}

/// A request as its client and the gate both have it. The port tells it from every other of the same client.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Request {
    source: SocketAddr,
    method: String,
    host: String,
}

/// The requests that the gate refused.
#[derive(Debug, Default)]
pub(crate) struct Refusals(HashSet<Request>);

/// What is read of a line of the gate's; more stands beside these.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    event: Event,
    error: GateError,
    source: Client,
    http: Http,
    url: Url,
}

#[derive(Deserialize)]
struct Event {
    provider: String,
    outcome: Outcome,
}

#[derive(Deserialize)]
struct GateError {
    code: String,
}

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
    port: u16,
}

#[derive(Deserialize)]
struct Http {
    request: Method,
}

#[derive(Deserialize)]
struct Method {
    method: String,
}

#[derive(Deserialize)]
struct Url {
    domain: String,
}

impl GateLog {
    /// From now on.
    pub(crate) fn new(policy: &Policy) -> Self {
        Self { container: policy.container(Service::Proxy).to_owned(), since: Timestamp::now() }
    }

    /// What it refused until now.
    ///
    /// # Errors
    /// If the engine does not give the log: there is no gate, or it has a log that the engine cannot read.
    pub(crate) fn refusals(&self) -> Result<Refusals> {
        std::thread::sleep(SETTLED);
        engine::wait_at_most(TIMEOUT, async {
            let told = |error| engine::about_container(&self.container, error);
            let since = i32::try_from(self.since.as_second()).unwrap_or_default();
            let mut chunks = Engine::connect().await?.said(&self.container, since);
            let (mut found, mut line) = (Refusals::default(), Vec::new());
            while let Some(chunk) = chunks.next().await {
                for byte in chunk.map_err(told)? {
                    if byte == b'\n' {
                        found.take(&line, self.since);
                        line.clear();
                    } else if line.len() < MAX_LINE {
                        line.push(byte);
                    }
                }
            }
            Ok(found)
        })
    }
}

impl Refusals {
    /// Takes a line of the log, if it is a refusal since the run began. What is no record is nginx's own word.
    fn take(&mut self, line: &[u8], since: Timestamp) {
        let Ok(Line { timestamp, event, error, source, http, url }) = serde_json::from_slice(line) else { return };
        let is_refused = GateCode::named(&error.code).is_some_and(GateCode::is_by_rule);
        if event.provider == GATE && event.outcome == Outcome::Failure && is_refused && timestamp >= since {
            let source = SocketAddr::new(source.ip, source.port);
            self.0.insert(Request { source, method: http.request.method, host: url.domain });
        }
    }

    /// Is this question among them, asked from there?
    pub(crate) fn has(&self, ask: &Ask, source: Option<SourceAddress>, seen: &Observation) -> bool {
        let Observation::Http { from: Speaker::GateRefuses, port: Some(port), .. } = seen else { return false };
        let (Some(SourceAddress::Selected(ip)), Some(request)) = (source, &ask.request) else { return false };
        let (method, host) = (request.method.clone(), request.host.clone());
        self.0.contains(&Request { source: SocketAddr::new(ip, *port), method, host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::http;
    use crate::probe::question::ProbeTarget;
    use record::cellblock::ProbeKind;

    /// A line as the gate writes one, with these in it.
    fn line(code: &str, outcome: &str, provider: &str, domain: &str) -> Vec<u8> {
        let line = serde_json::json!({
            "@timestamp": "2026-12-01T16:05:52.413000Z", "ecs": { "version": "9.2.0" },
            "event": { "id": "01a2325a-f89d-75fc-a78e-5910f7641665", "provider": provider, "action": "request-denied",
                       "kind": "event", "outcome": outcome, "severity": 47 },
            "source": { "ip": "172.30.2.4", "port": 48690 }, "error": { "code": code },
            "http": { "version": "1.1", "request": { "method": "GET", "bytes": 79 } }, "url": { "domain": domain, "path": "/" },
        });
        line.to_string().into_bytes()
    }

    #[test]
    fn only_a_request_that_this_gate_refused_since_the_run_began_and_from_there_is_refused() {
        let ask = http(ProbeKind::Http, ProbeTarget::read("172.30.2.2"), 80, "GET", "[fd00:ec2::254]", "/");
        let from = |ip: &str| Some(SourceAddress::Selected(ip.parse().unwrap()));
        let seen = |port| Observation::Http { status: 403, from: Speaker::GateRefuses, bytes: 90, port };
        let from_port = |line: &[u8], since: &str, source, port| {
            let mut found = Refusals::default();
            found.take(line, since.parse().unwrap());
            found.has(&ask, source, &seen(port))
        };
        let has = |line: &[u8], since: &str, source| from_port(line, since, source, Some(48690));
        let (began, own) = ("2026-12-01T16:05:50Z", from("172.30.2.4"));
        let refused = line("name-not-listed", "failure", GATE, "[fd00:ec2::254]");
        assert!(has(&refused, began, own));
        assert!(!has(&refused, "2026-12-01T16:05:53Z", own), "before the run");
        assert!(!has(&refused, began, from("172.30.3.5")) && !has(&refused, began, None), "another client's");
        assert!(!has(&line("name-not-listed", "failure", GATE, "169.254.169.254"), began, own), "another request");
        assert!(
            !from_port(&refused, began, own, Some(48691)) && !from_port(&refused, began, own, None),
            "another port"
        );
        assert!(
            !has(&line("too-many-requests", "failure", GATE, "[fd00:ec2::254]"), began, own),
            "a limit, not a rule"
        );
        assert!(!has(&line("upstream-timeout", "failure", GATE, "[fd00:ec2::254]"), began, own), "passed on");
        assert!(!has(&line("a-later-word", "failure", GATE, "[fd00:ec2::254]"), began, own), "an unknown code");
        assert!(!has(&line("name-not-listed", "failure", "cell", "[fd00:ec2::254]"), began, own), "not the gate's");
        assert!(!has(b"nginx: [emerg] something", began, own));
    }
}
