//! The end of a way out: from a socket of the gate's own to the address that a name has now.
//!
//! Where nginx 1.22 resolves an upstream while it runs, every request costs a new connection and a whole TLS handshake.
//! So `http` is given one that never changes: a unix socket for each name and client. It keeps connections and TLS
//! sessions to it. Behind the socket `stream` asks for the name's address anew for each connection. It refuses one that
//! no name of the internet has, and connects to the very address it looked at. TLS goes through it untouched: who
//! opened it, `http` or the client itself, still verifies chain and name.
//!
//! Each client has relays of its own: what two clients ask is never on one connection, so no answer to one of them can
//! reach the other.
//!
//! A wildcard has one relay for all its names: the script reads the name in the TLS handshake that goes through it.
//! What nginx keeps, it keeps by upstream and not by name. So `http` has [`SLOTS`] upstreams for it, each of which is
//! one name's as long as the container runs (njs/slots.js). Names beyond those are served, and have nothing kept.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use policy::{Deny, HostPattern, Network, NetworkName, Policy, Protocol, Tls, special_purpose_ranges};
use sha2::{Digest, Sha256};

use super::syntax::{Conf, quote};

/// Where `stream` asks `http` for the addresses of a name.
const LOOK: &str = "unix:/run/nginx/look.sock";

/// Kept open, but idle, for each worker and relay.
const KEPT: u32 = 128;

/// How many names below one wildcard have connections and TLS sessions kept.
const SLOTS: u32 = 32;

/// Kept open, but idle, for each worker and slot.
const KEPT_IN_SLOT: u32 = 16;

/// The way to one name, or to those below a wildcard, for one client.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Relay<'a> {
    client: &'a str,
    host: &'a HostPattern,
}

impl<'a> Relay<'a> {
    pub(super) fn new(client: &'a str, host: &'a HostPattern) -> Self {
        Self { client, host }
    }

    /// Whether it has but one name.
    pub(super) fn is_known(&self) -> bool {
        !self.host.is_wildcard()
    }

    /// The same for the same name and client whatever else is in the policy: a worker that a reload left with
    /// requests to finish must not be led elsewhere. A hash, because the path of a socket is at most 107 bytes long.
    pub(super) fn id(&self) -> String {
        let hash = Sha256::digest(format!("{} {}", self.client, self.host));
        let id = hex::encode(hash.get(..8).unwrap_or_default());
        // By that the script knows a relay of many names.
        if self.is_known() { id } else { id + "-any" }
    }

    /// The socket that leads there.
    pub(super) fn socket(&self) -> String {
        format!("unix:/run/nginx/out-{}.sock", self.id())
    }

    /// The same, where a PROXY line first says whom the connection is from (see [`proxy_protocol_relays`]).
    pub(super) fn proxy_protocol_socket(&self) -> String {
        format!("unix:/run/nginx/hop-{}.sock", self.id())
    }

    /// In `http`, in a location: the way on.
    pub(super) fn pass(&self, conf: &mut Conf) {
        conf.line("proxy_bind off;");
        if self.is_known() {
            conf.line(&format!("proxy_pass https://gate-{};", self.id()));
        } else {
            conf.line(&format!("set $gate_relay {};", self.id()));
            conf.line("proxy_pass https://$gate_way;");
        }
    }

    /// In `stream`: how it learns the name that it leads to.
    fn lead(&self, conf: &mut Conf) {
        if self.is_known() {
            conf.line(&format!("set $gate_name {};", self.host));
            conf.line("js_access gate.lead;");
        } else {
            conf.line(&format!("set $gate_below {};", self.host.to_string().trim_start_matches('*')));
            conf.line("js_preread gate.lead_any;");
        }
    }
}

/// The relays of all names, or of those that the gate opens TLS for.
fn all(policy: &Policy, holds: impl Fn(Tls) -> bool) -> BTreeSet<Relay<'_>> {
    let mut relays = BTreeSet::new();
    for network in policy.gate_clients() {
        let client = network.name.as_str();
        let rules = policy.egress_for(client).filter(|rule| holds(rule.tls));
        relays.extend(rules.map(|rule| Relay::new(client, &rule.host)));
    }
    relays
}

/// In `http`: the upstreams, and who knows the addresses of a name.
pub(super) fn upstreams(conf: &mut Conf, policy: &Policy) {
    conf.line("js_set $gate_way gate.way;");
    for relay in all(policy, |tls| tls != Tls::Passthrough) {
        if relay.is_known() {
            upstream(conf, &relay.id(), &relay, KEPT);
        } else {
            (0..SLOTS).for_each(|slot| upstream(conf, &format!("{}-{slot}", relay.id()), &relay, KEPT_IN_SLOT));
        }
    }
    look(conf);
}

fn upstream(conf: &mut Conf, id: &str, relay: &Relay<'_>, kept: u32) {
    conf.block(&format!("upstream gate-{id}"), |conf| {
        conf.line(&format!("server {};", relay.socket()));
        conf.line(&format!("keepalive {kept};"));
        // Less than any usual server waits (5 s). So the gate hangs up first, and no request meets a connection that is
        // just being closed.
        conf.line("keepalive_timeout 4s;");
        // What a name's former address may still be sent to. Until then no number of requests ends a connection: each
        // new one asks for the address and opens TLS.
        conf.line("keepalive_time 60s;");
        conf.line("keepalive_requests 1000000;");
    });
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
            conf.line("proxy_next_upstream_tries 0;");
            conf.line("proxy_pass http://$gate_looked_for:9;");
            conf.line("error_page 500 502 504 =200 @addresses;");
        });
        conf.block("location @addresses", |conf| conf.line("js_content gate.addresses;"));
        conf.block("location /", |conf| conf.line("return 404;"));
    });
}

/// In `stream`: where each relay leads. Who takes it, `http` or the front on port 443, logs what goes through it.
pub(super) fn servers(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr) {
    for relay in all(policy, |_| true) {
        conf.block("server", |conf| {
            conf.line(&format!("# {}, for {}", relay.host, relay.client));
            conf.line(&format!("listen {};", relay.socket()));
            conf.line("access_log off;");
            conf.line(&format!("set $gate_relay {};", relay.id()));
            relay.lead(conf);
            conf.line(&format!("proxy_bind {outside};"));
            conf.line("proxy_pass $gate_address:443;");
        });
    }
}

/// In `stream`, on a network where the front says whom a connection is from: in front of each relay of a passed name
/// one that listens to that. The relay itself can't: while its script looks up the name, nginx 1.22 takes the next
/// bytes for another such header. Then it hangs up.
pub(super) fn proxy_protocol_relays(conf: &mut Conf, policy: &Policy, network: &Network) {
    let client = network.name.as_str();
    let passed = policy.egress_for(client).filter(|rule| rule.tls == Tls::Passthrough);
    let relays: BTreeSet<Relay<'_>> = passed.map(|rule| Relay::new(client, &rule.host)).collect();
    for relay in relays {
        conf.block("server", |conf| {
            conf.line(&format!("listen {} proxy_protocol;", relay.proxy_protocol_socket()));
            conf.line("access_log off;");
            conf.line(&format!("proxy_pass {};", relay.socket()));
        });
    }
}

/// In `http` and in `stream`: how many slots a wildcard has, for the njs modules.
pub(super) fn slots(conf: &mut Conf) {
    constant(conf, "gate_slots", std::iter::once(SLOTS.to_string()));
}

/// In `stream`: which addresses no listed name may lead to, and the holes among them. On-link ranges are not here: they
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
