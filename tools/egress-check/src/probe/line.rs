//! A probe as a line: what `plan` prints, and what `run` takes from it or from a person with `jq`.
//!
//! Names that ECS has are used for what they mean: `rule` is the probe, `destination` whom it asks,
//! `url`, `http.request`, `tls.client` and `dns.question` what it asks. What is refused here is
//! refused with the field's name, before any probe is made.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use record::cellblock::{Expect, Probe as Wire, ProbeControl, ProbeKind};
use record::fields::{Container, Dns, Endpoint, Http, Network, Question, Request, Rule, Tls, TlsClient, Url};
use record::{Action, Category, Kind, Provider, Record, Type};

use crate::probe::Probe;
use crate::probe::question::{self, Ask, ProbeTarget, kind_name};

/// The longest a single probe may wait.
const LONGEST: Duration = Duration::from_secs(600);

/// The line that a plan has for a probe.
#[must_use]
pub fn planned(probe: &Probe) -> Record {
    let verb = match probe.expect {
        Expect::Pass => "must pass",
        Expect::Blocked => "must not pass",
    };
    let message = format!("{}: {} {verb}.", probe.container.as_deref().unwrap_or("anywhere"), probe.ask);
    describe(Record::new(Provider::EgressCheck, Action::ProbePlanned, message).kind(Kind::State), probe)
}

/// Adds all that a line says of a probe.
pub(crate) fn describe(record: Record, probe: &Probe) -> Record {
    let mut record = record.about(Category::Network, Type::Connection);
    let ask = &probe.ask;
    record.rule = Some(Rule {
        id: Some(probe.id.clone()),
        category: Some("egress".to_owned()),
        description: Some(probe.gain.clone()),
        ..Rule::default()
    });
    record.container = probe.container.clone().map(Container::named);
    record.destination = Some(endpoint(ask));
    record.network = Some(Network {
        name: probe.network.clone(),
        kind: family(&ask.whom),
        transport: transport(ask).map(str::to_owned),
        protocol: Some(kind_name(ask.kind).to_owned()),
        ..Network::default()
    });
    record.dns = ask.question.as_ref().map(|question| Dns {
        question: Some(Question { name: Some(question.name.clone()), kind: Some(question.kind.clone()) }),
        ..Dns::default()
    });
    record.tls =
        ask.sni.clone().map(|sni| Tls { client: Some(TlsClient { server_name: Some(sni) }), ..Tls::default() });
    if let Some(request) = &ask.request {
        record.url = Some(url(ask.kind, request));
        let method = Some(request.method.clone());
        record.http = Some(Http { request: Some(Request { method, ..Request::default() }), ..Http::default() });
    }
    record.own().probe = Some(Wire {
        kind: ask.kind,
        expect: probe.expect,
        evidence: probe.evidence,
        timeout_ms: probe.timeout.and_then(|time| u64::try_from(time.as_millis()).ok()),
        unique: ask.question.as_ref().is_some_and(|question| question.unique),
        control: probe.control.clone(),
        seen: None,
        control_seen: None,
    });
    record
}

fn endpoint(ask: &Ask) -> Endpoint {
    let mut end = Endpoint { address: Some(ask.whom.to_string()), ..Endpoint::default() };
    end.port = (ask.port > 0).then_some(ask.port);
    match &ask.whom {
        ProbeTarget::Ip(ip) | ProbeTarget::OnLink(ip, _) => end.ip = Some(*ip),
        ProbeTarget::Name(name) => end.domain = Some(name.clone()),
        ProbeTarget::OwnResolvers | ProbeTarget::Path(_) => {}
    }
    end
}

fn url(kind: ProbeKind, request: &question::Request) -> Url {
    Url {
        scheme: Some(kind_name(kind).to_owned()),
        domain: Some(request.host.clone()),
        path: Some(request.path.clone()),
        ..Url::default()
    }
}

fn family(whom: &ProbeTarget) -> Option<String> {
    match whom {
        ProbeTarget::Ip(IpAddr::V4(_)) | ProbeTarget::OnLink(IpAddr::V4(_), _) => Some("ipv4".to_owned()),
        ProbeTarget::Ip(IpAddr::V6(_)) | ProbeTarget::OnLink(IpAddr::V6(_), _) => Some("ipv6".to_owned()),
        _ => None,
    }
}

/// What carries it: the protocol in an IP packet, by IANA's name; `None` where there is none.
pub(crate) fn transport(ask: &Ask) -> Option<&'static str> {
    Some(match ask.kind {
        ProbeKind::Udp | ProbeKind::Dns | ProbeKind::Quic | ProbeKind::Forged => "udp",
        ProbeKind::Icmp => match ask.whom {
            ProbeTarget::Ip(IpAddr::V6(_)) | ProbeTarget::OnLink(IpAddr::V6(_), _) => "ipv6-icmp",
            _ => "icmp",
        },
        ProbeKind::Unix | ProbeKind::Raw => return None,
        _ => "tcp",
    })
}

/// Reads a probe from a line.
///
/// # Errors
/// If the line is no probe, or one that cannot be made; the error names the field.
pub fn read(record: Record) -> Result<Probe> {
    let action = record.event.action.as_str();
    let Some(wire) = record.cellblock.and_then(|own| own.probe) else {
        bail!("no cellblock.probe in it (its action is {action:?}); egress-check plan prints lines that have one");
    };
    let rule = record.rule.unwrap_or_default();
    let end = record.destination.context("no destination: whom should the probe ask?")?;
    let address = end.address.or(end.domain).or(end.ip.map(|ip| ip.to_string()));
    let address = address.context("no destination.address: an address, a name, a path or resolv.conf")?;
    let mut ask = Ask::new(wire.kind, ProbeTarget::read(&address), end.port.unwrap_or(0));
    ask.sni = record.tls.and_then(|tls| tls.client).and_then(|client| client.server_name);
    ask.question = question(record.dns, wire.unique);
    ask.request = request(&ask, record.url, record.http);
    let network = record.network.and_then(|network| network.name);
    let timeout = wire.timeout_ms.map(Duration::from_millis);
    let id = rule.id.unwrap_or_else(|| ask.to_string());
    let gain = rule.description.unwrap_or_default();
    let container = record.container.and_then(|container| container.name);
    let (expect, evidence, control) = (wire.expect, wire.evidence, wire.control);
    let probe = Probe { id, container, network, ask, expect, evidence, gain, timeout, control };
    check(&probe)?;
    Ok(probe)
}

fn question(dns: Option<Dns>, unique: bool) -> Option<question::Question> {
    let asked = dns?.question?;
    Some(question::Question { name: asked.name?, kind: asked.kind.unwrap_or_else(|| "A".to_owned()), unique })
}

fn request(ask: &Ask, url: Option<Url>, http: Option<Http>) -> Option<question::Request> {
    let speaks = matches!(ask.kind, ProbeKind::Http | ProbeKind::Https | ProbeKind::Ws | ProbeKind::Wss);
    let (url, http) = (url.unwrap_or_default(), http.and_then(|http| http.request).unwrap_or_default());
    speaks.then(|| question::Request {
        method: http.method.unwrap_or_else(|| "GET".to_owned()),
        host: url.domain.unwrap_or_else(|| ask.host()),
        path: url.path.unwrap_or_else(|| "/".to_owned()),
    })
}

/// Refuses what cannot be made, or could be made into something else on the wire.
fn check(probe: &Probe) -> Result<()> {
    let ask = &probe.ask;
    let portless = matches!(ask.kind, ProbeKind::Icmp | ProbeKind::Unix | ProbeKind::Raw);
    ensure!(portless || ask.port > 0, "no destination.port, and a probe of kind {} needs one", kind_name(ask.kind));
    ensure!(
        ask.whom != ProbeTarget::Name(String::new()),
        "destination.address is empty: an address, a name, a path or resolv.conf"
    );
    if let ProbeTarget::OnLink(ip, interface) = &ask.whom {
        ensure!(
            ip.is_ipv6() || (ip.is_multicast() && ask.kind == ProbeKind::Udp),
            "destination.address: of IPv4 only a group takes an interface, and only with the kind udp"
        );
        let plain = !interface.is_empty() && interface.len() < 16 && interface.bytes().all(|b| b.is_ascii_graphic());
        ensure!(plain, "destination.address: after the % expected an interface such as eth0");
    }
    let is_path = matches!(ask.whom, ProbeTarget::Path(_));
    ensure!(
        is_path == (ask.kind == ProbeKind::Unix),
        "destination.address: a path goes with the kind unix, and no other"
    );
    ensure!(
        !matches!(ask.kind, ProbeKind::Raw | ProbeKind::Forged) || matches!(ask.whom, ProbeTarget::Ip(_)),
        "destination.address: a probe of kind {} needs an address",
        kind_name(ask.kind)
    );
    let asks_dns = matches!(ask.kind, ProbeKind::Dns | ProbeKind::DnsTcp | ProbeKind::Dot | ProbeKind::Doh);
    ensure!(
        !asks_dns || ask.question.is_some(),
        "no dns.question.name, and a probe of kind {} asks one",
        kind_name(ask.kind)
    );
    ensure!(
        asks_dns || ask.whom != ProbeTarget::OwnResolvers,
        "destination.address: resolv.conf is for DNS probes; a probe of kind {} needs an address or a name",
        kind_name(ask.kind)
    );
    if let Some(time) = probe.timeout {
        ensure!(!time.is_zero() && time <= LONGEST, "cellblock.probe.timeout_ms: expected 1 to 600000");
    }
    if let Some(request) = &ask.request {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        ensure!(plain(&request.method), "http.request.method: expected printable ASCII without spaces");
        ensure!(plain(&request.host), "url.domain: expected printable ASCII without spaces");
        ensure!(plain(&request.path), "url.path: expected printable ASCII without spaces");
    }
    control(probe.control.as_ref())
}

fn control(control: Option<&ProbeControl>) -> Result<()> {
    let Some(control) = control else { return Ok(()) };
    ensure!(!control.address.is_empty(), "cellblock.probe.control.address is empty");
    let portless = matches!(control.kind, ProbeKind::Icmp | ProbeKind::Unix | ProbeKind::Raw);
    ensure!(portless || control.port > 0, "cellblock.probe.control.port is 0");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{dns, http, tls};
    use proptest::prelude::*;
    use record::cellblock::Evidence;

    fn all_shapes() -> Vec<Probe> {
        let ip = || ProbeTarget::Ip("2001:db8::1".parse().unwrap());
        let asks = vec![
            Ask::new(ProbeKind::Icmp, ip(), 0),
            Ask::new(ProbeKind::Icmp, ProbeTarget::read("ff02::1%eth0"), 0),
            Ask::new(ProbeKind::Tcp, ProbeTarget::Ip("10.0.0.1".parse().unwrap()), 22),
            Ask::new(ProbeKind::Udp, ProbeTarget::read("239.255.255.250%eth0"), 1900),
            http(ProbeKind::Https, ProbeTarget::Name("example.com".into()), 443, "HEAD", "example.com", "/x"),
            tls(ip(), 443, "example.com"),
            dns(ProbeKind::Dns, ProbeTarget::OwnResolvers, "example.com", true),
            Ask::new(ProbeKind::Unix, ProbeTarget::Path("/run/docker.sock".into()), 0),
            Ask::new(ProbeKind::Raw, ProbeTarget::read("::"), 0),
            Ask::new(ProbeKind::Forged, ip(), 53),
        ];
        let probe =
            |(n, ask)| Probe::new(format!("p{n}"), Expect::Blocked, ask, "Gains.").evidence(Evidence::BeyondGate);
        asks.into_iter().enumerate().map(probe).map(|p| p.control(ProbeKind::Icmp, "10.0.0.9", 0)).collect()
    }

    #[test]
    fn a_plan_line_is_read_back_as_the_probe_that_it_was() {
        for probe in all_shapes() {
            let line = serde_json::to_string(&planned(&probe)).unwrap();
            let back = read(serde_json::from_str(&line).unwrap()).unwrap();
            assert_eq!(back, probe, "{line}");
        }
    }

    #[test]
    fn a_probe_that_cannot_be_made_is_refused_by_the_name_of_the_field() {
        let refused = |change: fn(&mut Record), word: &str| {
            let mut record = planned(&all_shapes()[2]);
            change(&mut record);
            let error = read(record).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(|r| r.cellblock = None, "cellblock.probe");
        refused(|r| r.destination = None, "destination");
        refused(|r| r.destination.as_mut().unwrap().port = None, "destination.port");
        refused(|r| r.destination.as_mut().unwrap().address = Some("/etc/passwd".into()), "unix");
        refused(|r| r.destination.as_mut().unwrap().address = Some("..".into()), "destination.address");
        refused(|r| r.destination.as_mut().unwrap().address = Some("fe80::1%".into()), "interface");
        refused(|r| r.destination.as_mut().unwrap().address = Some("192.0.2.1%eth0".into()), "only a group");
        refused(|r| r.cellblock.as_mut().unwrap().probe.as_mut().unwrap().kind = ProbeKind::Dns, "dns.question");
        refused(|r| r.cellblock.as_mut().unwrap().probe.as_mut().unwrap().timeout_ms = Some(0), "timeout_ms");
    }

    #[test]
    fn a_request_cannot_carry_a_second_one() {
        let mut record = planned(&all_shapes()[4]);
        record.url.as_mut().unwrap().path = Some("/ HTTP/1.1\r\nX: y".into());
        assert!(read(record).unwrap_err().to_string().contains("url.path"));
    }

    proptest! {
        #[test]
        fn whatever_target_is_accepted_reads_back_as_itself(address in "\\PC{0,40}|[0-9A-Fa-f.:%/\\[\\]]{0,24}", port in any::<u16>()) {
            let mut record = planned(&all_shapes()[2]);
            let end = record.destination.as_mut().unwrap();
            (end.address, end.port) = (Some(address), Some(port));
            if let Ok(probe) = read(record) {
                prop_assert_eq!(read(planned(&probe)).unwrap(), probe);
            }
        }
    }
}
