//! The gate, as one of its clients sees it: the listed names answer, everything else is refused.
//!
//! A refusal is spoken by the gate itself, so here only what comes from behind it is evidence.
//! The control asks the name's own server outside.

use std::net::IpAddr;

use policy::{Egress, HostPattern, Network, Policy, Service, Tls};
use record::cellblock::{Evidence, Expect, ProbeKind};

use super::draft::Draft;
use super::names::ELSEWHERE;
use crate::probe::question::{Ask, ProbeTarget};
use crate::probe::{Probe, http, tls};

/// A path that no prefix of a sane policy begins.
const UNLISTED: &str = "/cellblock-not-listed";
/// Addresses as a Host header may write them, and the address that is meant.
const LITERALS: [(&str, &str); 6] = [
    ("169.254.169.254", "169.254.169.254"),
    ("2852039166", "169.254.169.254"),
    ("127.0.0.1", "127.0.0.1"),
    ("[::1]", "::1"),
    ("[fd00:ec2::254]", "fd00:ec2::254"),
    ("9.9.9.9", "9.9.9.9"),
];
/// Methods that change nothing at the server, should one get through (RFC 9110 section 9.2.1).
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// How the gate takes requests for a name: plainly, or, where it opens the client's own TLS, in that.
fn way_in(rule: &Egress) -> (ProbeKind, u16) {
    if rule.tls == Tls::Inspect { (ProbeKind::Https, 443) } else { (ProbeKind::Http, 80) }
}

/// What a client network may and may not get through the gate.
pub(super) fn probes(draft: &mut Draft<'_>, policy: &Policy, network: &Network) {
    let gate = network.address_of(Service::Proxy);
    let listed = |rule: &&Egress| rule.lists(network.name.as_str()) && !rule.host.is_wildcard();
    for rule in policy.egress.iter().filter(listed) {
        must_pass(draft, rule);
    }
    let Some((v4, v6)) = gate else { return };
    let ours = |name: &str| policy.egress_for(network.name.as_str()).any(|rule| rule.host.matches(name));
    for rule in policy.egress.iter().filter(listed).filter(|rule| rule.tls != Tls::Passthrough) {
        limits(draft, policy, network, rule, v4.into());
    }
    for rule in policy.egress.iter().filter(|rule| !ours(rule.host.name())) {
        let gain = "Uses a name, and the key behind it, that another client of the gate is trusted with.";
        foreign(draft, "gate.other-client", v4.into(), rule.host.name(), gain);
    }
    for gate in [v4.into(), v6.into()].into_iter().filter(|_| !ours(ELSEWHERE)) {
        foreign(draft, "gate.off-list", gate, ELSEWHERE, "Reaches a server that no rule lists, so any server.");
    }
    literals(draft, v4.into());
}

fn beyond(id: String, expect: Expect, ask: Ask, gain: &str) -> Probe {
    Probe::new(id, expect, ask, gain).evidence(Evidence::BeyondGate)
}

fn must_pass(draft: &mut Draft<'_>, rule: &Egress) {
    let name = rule.host.name();
    let whom = ProbeTarget::Name(name.to_owned());
    let lost = "A listed name does not answer, so the work that it is listed for stops.";
    if rule.tls == Tls::Passthrough {
        draft.add(beyond(format!("gate.listed.{name}.tls"), Expect::Pass, tls(whom, 443, name), lost));
        return;
    }
    let Some(method) = SAFE.into_iter().find(|method| allows(rule, method)) else { return };
    let path = rule.paths.first().map_or("/", String::as_str);
    let (kind, port) = way_in(rule);
    let ask = http(kind, whom, port, method, name, path);
    let probe = beyond(format!("gate.listed.{name}{path}"), Expect::Pass, ask, lost);
    draft.add(probe.control(ProbeKind::Https, name, 443));
}

fn allows(rule: &Egress, method: &str) -> bool {
    rule.methods.is_empty() || rule.methods.iter().any(|allowed| allowed == method)
}

/// The edges of what the rules for a name allow: other paths, other methods, the other way in.
fn limits(draft: &mut Draft<'_>, policy: &Policy, network: &Network, rule: &Egress, gate: IpAddr) {
    let name = rule.host.name();
    let all: Vec<&Egress> = policy.egress_to(network.name.as_str(), name);
    let method = SAFE.into_iter().find(|method| allows(rule, method)).unwrap_or("GET");
    let mut refused = |what: &str, method: &str, path: &str, gain: &str| {
        let (kind, port) = way_in(rule);
        let ask = http(kind, ProbeTarget::Ip(gate), port, method, name, path);
        let probe = beyond(format!("gate.limit.{name}.{what}"), Expect::Blocked, ask, gain);
        draft.add(probe.control(ProbeKind::Https, name, 443));
    };
    let verified = || all.iter().filter(|rule| rule.tls != Tls::Passthrough);
    let anywhere = verified().any(|rule| rule.paths.is_empty() || rule.paths.iter().any(|path| path == "/"));
    if let Some(prefix) = rule.paths.first().filter(|_| !anywhere) {
        let gain = "Reads and writes other people's corners of a listed site.";
        refused("path", method, UNLISTED, gain);
        refused("path-dots", method, &out_of(prefix, "/.."), gain);
        refused("path-encoded", method, &out_of(prefix, "/%2e%2e"), gain);
    }
    // An answer to HEAD has no body, so the gate could not say that it is the one who refuses.
    if let Some(other) = ["OPTIONS", "GET"].into_iter().find(|method| !verified().any(|rule| allows(rule, method))) {
        let path = rule.paths.first().map_or("/", String::as_str);
        refused("method", other, path, "Uses a listed site in ways that the policy does not list.");
    }
    if all.iter().any(|rule| rule.tls != Tls::Verify) {
        return;
    }
    let gain = "Speaks TLS of its own to a listed site, so that the gate sees neither path nor method.";
    let ask = tls(ProbeTarget::Ip(gate), 443, name);
    draft.add(beyond(format!("gate.limit.{name}.tls"), Expect::Blocked, ask, gain).control(ProbeKind::Tls, name, 443));
}

/// A path that begins with a prefix and climbs out of it, to the root and no further. One that climbs past the root is no
/// path, and is refused whatever the rules say.
fn out_of(prefix: &str, up: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    format!("{prefix}{}{UNLISTED}", up.repeat(prefix.matches('/').count()))
}

/// A name that the gate must not know for this client, by every way in.
fn foreign(draft: &mut Draft<'_>, group: &str, gate: IpAddr, name: &str, gain: &str) {
    let mut refused = |what: &str, kind: ProbeKind, ask: Ask| {
        let probe = beyond(format!("{group}.{name}.{gate}.{what}"), Expect::Blocked, ask, gain);
        draft.add(probe.control(kind, name, 443));
    };
    let ask = |method: &str, path: &str| http(ProbeKind::Http, ProbeTarget::Ip(gate), 80, method, name, path);
    refused("http", ProbeKind::Https, ask("GET", "/"));
    refused("absolute", ProbeKind::Https, ask("GET", &format!("http://{name}/")));
    refused("connect", ProbeKind::Tls, ask("CONNECT", &format!("{name}:443")));
    let door = http(ProbeKind::Http, ProbeTarget::Ip(gate), 80, "GET", &format!("{name}.{}", HostPattern::DOORS), "/");
    refused("door", ProbeKind::Https, door);
    refused("ws", ProbeKind::Wss, http(ProbeKind::Ws, ProbeTarget::Ip(gate), 80, "GET", name, "/"));
    refused("tls", ProbeKind::Tls, tls(ProbeTarget::Ip(gate), 443, name));
}

/// Addresses in place of a name: the gate must not become a way to what the moat keeps away.
fn literals(draft: &mut Draft<'_>, gate: IpAddr) {
    for (literal, address) in LITERALS {
        let ask = http(ProbeKind::Http, ProbeTarget::Ip(gate), 80, "GET", literal, "/");
        let gain = "Makes the gate fetch from an address of its choice, the host's and the LAN's too.";
        let probe = beyond(format!("gate.literal.{literal}"), Expect::Blocked, ask, gain);
        draft.add(probe.control(ProbeKind::Http, address, 80));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_climbs_as_far_as_its_prefix_is_deep() {
        assert_eq!(out_of("/openclaw/openclaw", "/.."), format!("/openclaw/openclaw/../..{UNLISTED}"));
        assert_eq!(out_of("/v1/", "/%2e%2e"), format!("/v1/%2e%2e{UNLISTED}"));
    }
}
