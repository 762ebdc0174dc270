//! The last leg of a way out: from a socket of the gate's own to the address that a name has now.
//!
//! An upstream that nginx 1.22 resolves while it runs gets a new connection and a whole TLS handshake for every
//! request. So `http` is given one that never changes, a unix socket for each name and client, and keeps connections
//! and TLS sessions to it. Behind the socket `stream` asks for the name's address anew for each connection, refuses
//! one that no name of the internet has, and connects to the very address it looked at. TLS goes through it untouched:
//! who opened it, `http` or the client itself, still verifies chain and name.
//!
//! Each client has legs of its own: what two clients ask is never on one connection, so no answer to one of them can
//! reach the other.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use policy::{Deny, HostPattern, NetworkName, Policy, Protocol, Tls, special_purpose_ranges};
use sha2::{Digest, Sha256};

use super::syntax::{Conf, quote};

/// Where `stream` asks `http` for the addresses of a name.
const LOOK: &str = "unix:/run/nginx/look.sock";

/// Kept open, but idle, for each worker and leg.
const KEPT: u32 = 128;

/// The way to one name for one client.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leg<'a> {
    client: &'a str,
    host: &'a HostPattern,
}

impl<'a> Leg<'a> {
    pub(super) fn new(client: &'a str, host: &'a HostPattern) -> Self {
        Self { client, host }
    }

    /// Whether its name is known before it is asked for. A wildcard's is not: there nginx resolves by itself, and it is
    /// the moat that refuses an address of the inside.
    pub(super) fn is_known(&self) -> bool {
        !self.host.is_wildcard()
    }

    /// The same for the same name and client whatever else is in the policy: a worker that a reload left with
    /// requests to finish must not be led elsewhere. A hash, because the path of a socket is at most 107 bytes long.
    pub(super) fn id(&self) -> String {
        let hash = Sha256::digest(format!("{} {}", self.client, self.host));
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The socket that leads there.
    pub(super) fn socket(&self) -> String {
        format!("unix:/run/nginx/out-{}.sock", self.id())
    }

    /// What `proxy_pass` of `http` is given.
    pub(super) fn upstream(&self) -> String {
        format!("https://gate-{}", self.id())
    }
}

/// The legs of all names that are known, or of those that the gate opens TLS for.
fn all(policy: &Policy, holds: impl Fn(Tls) -> bool) -> BTreeSet<Leg<'_>> {
    let rules = policy.egress.iter().filter(|rule| holds(rule.tls));
    let asks = |client: &str| policy.gate_clients().any(|network| network.name.as_str() == client);
    rules
        .flat_map(|rule| rule.clients.iter().map(move |client| (client.as_str(), &rule.host)))
        .filter(|(client, _)| asks(client))
        .map(|(client, host)| Leg::new(client, host))
        .filter(Leg::is_known)
        .collect()
}

/// In `http`: the upstreams, and who knows the addresses of a name.
pub(super) fn upstreams(conf: &mut Conf, policy: &Policy) {
    for leg in all(policy, |tls| tls == Tls::Verify) {
        conf.block(&format!("upstream gate-{}", leg.id()), |conf| {
            conf.line(&format!("server {};", leg.socket()));
            conf.line(&format!("keepalive {KEPT};"));
            // Less than any usual server waits (5 s), so that the gate hangs up first and no request meets a
            // connection that is just being closed.
            conf.line("keepalive_timeout 4s;");
            // What a name's former address may still be sent to.
            conf.line("keepalive_time 60s;");
        });
    }
    look(conf);
}

/// Answers `GET /NAME` with the addresses that the policy's resolvers give. njs can't resolve; nginx can, if it is told
/// to connect: from a loopback address, which the kernel refuses to route to anywhere else before it makes a packet
/// (EINVAL). What nginx then says it tried are the addresses.
fn look(conf: &mut Conf) {
    conf.block("server", |conf| {
        conf.line(&format!("listen {LOOK};"));
        conf.line("access_log off;");
        conf.line("error_log /run/nginx/look.log error;");
        conf.block("location ~ \"^/(?<gate_looked_for>[a-z0-9._-]+)$\"", |conf| {
            conf.line("proxy_bind 127.0.0.1;");
            conf.line("proxy_next_upstream error timeout;");
            conf.line("proxy_pass http://$gate_looked_for:9;");
            conf.line("error_page 500 502 504 =200 @addresses;");
        });
        conf.block("location @addresses", |conf| conf.line("js_content gate.addresses;"));
        conf.block("location /", |conf| conf.line("return 404;"));
    });
}

/// In `stream`: where each leg leads. Who takes it, `http` or the front on port 443, logs what goes through it.
pub(super) fn servers(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr) {
    for leg in all(policy, |_| true) {
        conf.block("server", |conf| {
            conf.line(&format!("# {}, for {}", leg.host, leg.client));
            conf.line(&format!("listen {};", leg.socket()));
            conf.line("access_log off;");
            conf.line(&format!("set $gate_leg {};", leg.id()));
            conf.line(&format!("set $gate_name {};", leg.host));
            conf.line("js_access gate.lead;");
            conf.line(&format!("proxy_bind {outside};"));
            conf.line("proxy_pass $gate_address:443;");
        });
    }
}

/// In both: which addresses no listed name may lead to, and the holes among them. On-link ranges are not here: they
/// change while the gate runs, and the moat, which has the last word in any case, follows them.
pub(super) fn ranges(conf: &mut Conf, policy: &Policy) {
    let denied = policy.moat.deny.iter().filter_map(|deny| match deny {
        Deny::Net(range) => Some(*range),
        _ => None,
    });
    let own = policy.networks.values().flat_map(policy::Network::subnets);
    let all: Vec<IpNet> = special_purpose_ranges().into_iter().chain(denied).chain(own).collect();
    let never =
        IpNet::aggregate(&all).into_iter().filter(|range| range.addr().is_ipv4()).map(|range| range.to_string());
    constant(conf, "gate_never", never);
    let holes = policy.moat.allow.iter().filter_map(|hole| match hole.addr {
        IpAddr::V4(v4)
            if hole.network.as_str() == NetworkName::EGRESS && hole.port == 443 && hole.protocol == Protocol::Tcp =>
        {
            Some(v4.to_string())
        }
        _ => None,
    });
    constant(conf, "gate_holes", holes);
}

fn constant(conf: &mut Conf, name: &str, words: impl Iterator<Item = String>) {
    let words = words.collect::<Vec<_>>().join(" ");
    conf.line(&format!("map \"\" ${name} {{ default {}; }}", quote(&words)));
}
