//! The front: who may connect, and with how many connections at once. Port 80 then goes on to `http`, port 443 to
//! where the name in the client's own handshake leads (passed.rs). Also where nothing is listed the gate answers
//! there, so that the attempt is refused and logged instead of lost.

use std::net::Ipv4Addr;

use engine::Families;
use policy::{Network, Policy, Service};

use super::syntax::{Conf, value};
use super::{inner_socket, inspected, log, passed, relay, resolver};

/// Where the gate itself answers a connection that no rule lets through.
pub(super) const REFUSING: &str = "unix:/run/nginx/refuse.sock";

/// The same, where a PROXY line first says whom the connection is from.
pub(super) const REFUSING_PROXY_PROTOCOL: &str = "unix:/run/nginx/refuse-told.sock";

/// What one client may hold open at once, on both ports: with 6 descriptors each at most, and some networks of clients,
/// within one worker's `worker_connections`.
const MOST_CONNECTIONS: u32 = 300;

/// The whole `stream` section.
pub(super) fn section(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr, families: Families) {
    conf.line(super::LONG_NAMES);
    log::connections(conf);
    resolver(conf, policy);
    relay::slots(conf);
    relay::ranges(conf, policy);
    conf.line("limit_conn_zone $gate_client zone=sessions:1m;");
    conf.line("limit_conn_log_level info;");
    conf.line("preread_timeout 5s;");
    conf.line("preread_buffer_size 16k;");
    conf.line("proxy_connect_timeout 5s;");
    conf.line("proxy_timeout 600s;");
    conf.line("js_var $gate_address;");
    clients(conf, policy);
    passed::rules(conf, policy);
    for network in policy.gate_clients() {
        plain(conf, network, families);
        tls(conf, policy, network, families);
    }
    conf.line("js_set $gate_alert gate.alert;");
    refuse(conf, REFUSING);
    if policy.gate_clients().any(|network| inspected::is_on(policy, network)) {
        refuse(conf, &format!("{REFUSING_PROXY_PROTOCOL} proxy_protocol"));
    }
    relay::servers(conf, policy, outside);
}

/// Who is refused learns it from TLS itself: the alert `unrecognized_name`, RFC 6066 §3.
fn refuse(conf: &mut Conf, place: &str) {
    conf.block("server", |conf| {
        conf.line(&format!("listen {place};"));
        conf.line("access_log off;");
        // Reads what the front has to say before it answers: else it may hang up first, and the front, which then can't
        // send, would lose the answer.
        conf.line("ssl_preread on;");
        conf.line("return $gate_alert;");
    });
}

/// Which client asks: the address that it asked tells.
fn clients(conf: &mut Conf, policy: &Policy) {
    conf.block("map $server_addr $gate_client", |conf| {
        for network in policy.gate_clients() {
            if let Some((v4, v6)) = network.address_of(Service::Proxy) {
                let name = value(network.name.as_str());
                conf.line(&format!("{v4} {name}; {v6} {name};"));
            }
        }
    });
}

fn plain(conf: &mut Conf, network: &Network, families: Families) {
    conf.block("server", |conf| {
        listen(conf, network, 80, families);
        conf.line("proxy_protocol on;");
        conf.line("proxy_timeout 660s;");
        conf.line(&format!("proxy_pass {};", inner_socket(network)));
    });
}

fn tls(conf: &mut Conf, policy: &Policy, network: &Network, families: Families) {
    let is_told = inspected::is_on(policy, network);
    conf.block("server", |conf| {
        listen(conf, network, 443, families);
        conf.line("ssl_preread on;");
        if is_told {
            // For where the gate opens TLS itself. nginx says it to all that a server leads to, or to none.
            conf.line("proxy_protocol on;");
        }
        conf.line("proxy_pass $gate_upstream;");
    });
    if is_told {
        relay::proxy_protocol_relays(conf, policy, network);
    }
}

/// `listen` on the gate's own addresses of a client's network, and only for that network's members: not for the gate
/// itself, which an allowed name might resolve to. Not for the host either, whose address hides who asks.
fn listen(conf: &mut Conf, network: &Network, port: u16, families: Families) {
    let Some((v4, v6)) = network.address_of(Service::Proxy) else { return };
    let (host_v4, host_v6) = network.gateway();
    for address in families.each(v4.to_string(), format!("[{v6}]")) {
        conf.line(&format!("listen {address}:{port};"));
    }
    conf.line(&format!("deny {v4}; deny {v6}; deny {host_v4}; deny {host_v6};"));
    conf.line(&format!("allow {}; allow {}; deny all;", network.v4, network.v6));
    conf.line(&format!("limit_conn sessions {MOST_CONNECTIONS};"));
}
