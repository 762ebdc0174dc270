//! The front: who may connect, and with how many connections at once. Port 80 then goes on to `http`; port 443 is the
//! client's own TLS, let through by the name in its handshake. Also where nothing is listed the gate answers there,
//! so that the attempt is refused and logged instead of lost.

use std::net::Ipv4Addr;

use policy::{Egress, Network, Policy, Service, Tls};

use super::syntax::{Conf, quote, value};
use super::{inner_socket, log, resolver, rule_id};

/// Where the gate itself answers a connection that no rule lets through.
const REFUSING: &str = "unix:/run/nginx/refuse.sock";

/// What one client may hold open at once, on both ports: with 4 descriptors each, and some networks of clients,
/// within one worker's `worker_connections`.
const MOST_CONNECTIONS: u32 = 300;

/// The whole `stream` section.
pub(super) fn section(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr) {
    log::section(conf, "session");
    resolver(conf, policy);
    conf.line("limit_conn_zone $gate_client zone=sessions:1m;");
    conf.line(&format!("limit_conn sessions {MOST_CONNECTIONS};"));
    conf.line("limit_conn_log_level info;");
    conf.line("preread_timeout 5s;");
    conf.line("preread_buffer_size 16k;");
    conf.line(&format!("map $gate_upstream $gate_outside {{ ~^unix: \"\"; default {outside}; }}"));
    conf.line("proxy_bind $gate_outside;");
    conf.line("proxy_connect_timeout 5s;");
    conf.line("proxy_timeout 600s;");
    clients(conf, policy);
    rules(conf, policy);
    // What gets through the front on port 80 tells of itself in http.
    conf.line("map $status $gate_turned_away { 403 1; 503 1; default 0; }");
    for network in policy.gate_clients() {
        plain(conf, network);
        tls(conf, network);
    }
    refuse(conf);
}

/// Who is refused learns it from TLS itself: the alert `unrecognized_name`, RFC 6066 §3.
fn refuse(conf: &mut Conf) {
    conf.line("js_set $gate_alert gate.alert;");
    conf.block("server", |conf| {
        conf.line(&format!("listen {REFUSING};"));
        conf.line("access_log off;");
        conf.line("return $gate_alert;");
    });
}

/// Who asks, by the address that was asked; then which rule the name falls under for that client. Maps are
/// looked up when they are needed, after the handshake's first message was read; `set` runs too early.
fn clients(conf: &mut Conf, policy: &Policy) {
    conf.block("map $server_addr $gate_client", |conf| {
        for network in policy.gate_clients() {
            if let Some((v4, v6)) = network.address_of(Service::Proxy) {
                let name = value(network.name.as_str());
                conf.line(&format!("{v4} {name}; {v6} {name};"));
            }
        }
    });
    for (number, network) in policy.gate_clients().enumerate() {
        names(conf, policy, network, number);
    }
    conf.block("map $gate_client $gate_rule", |conf| {
        conf.line("default \"\";");
        for (number, network) in policy.gate_clients().enumerate() {
            conf.line(&format!("{} $gate_rule_of_{number};", quote(network.name.as_str())));
        }
    });
}

/// The names that one client may reach; none is the empty string.
fn names(conf: &mut Conf, policy: &Policy, network: &Network, client: usize) {
    conf.block(&format!("map $ssl_preread_server_name $gate_rule_of_{client}"), |conf| {
        conf.line("hostnames;");
        conf.line("default \"\";");
        for (number, rule) in passthrough(policy).filter(|(_, rule)| rule.lists(network.name.as_str())) {
            conf.line(&format!("{} {};", quote(&rule.host.to_string()), value(&rule_id(number, rule))));
        }
    });
}

/// Where a rule leads. An exact name goes out in the policy's spelling; only a wildcard takes the client's, if it
/// is nothing but a name.
fn rules(conf: &mut Conf, policy: &Policy) {
    conf.block("map $ssl_preread_server_name $gate_plain_name", |conf| {
        conf.line(&format!("default {REFUSING};"));
        conf.line(r#""~*^(?<gate_name>([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63})\.?$" $gate_name:443;"#);
    });
    conf.block("map $gate_rule $gate_upstream", |conf| {
        conf.line(&format!("default {REFUSING};"));
        for (number, rule) in passthrough(policy) {
            let exact = format!("{}:443", rule.host.name());
            let place = if rule.host.is_wildcard() { "$gate_plain_name" } else { &exact };
            conf.line(&format!("{} {place};", quote(&rule_id(number, rule))));
        }
    });
}

fn passthrough(policy: &Policy) -> impl Iterator<Item = (usize, &Egress)> {
    policy.egress.iter().enumerate().filter(|(_, rule)| rule.tls == Tls::Passthrough)
}

fn plain(conf: &mut Conf, network: &Network) {
    conf.block("server", |conf| {
        listen(conf, network, 80);
        conf.line("access_log /dev/stdout record if=$gate_turned_away;");
        conf.line("proxy_protocol on;");
        conf.line("proxy_timeout 660s;");
        conf.line(&format!("proxy_pass {};", inner_socket(network)));
    });
}

fn tls(conf: &mut Conf, network: &Network) {
    conf.block("server", |conf| {
        listen(conf, network, 443);
        conf.line("ssl_preread on;");
        conf.line("proxy_pass $gate_upstream;");
    });
}

/// `listen` on the gate's own addresses of a client's network, and only for that network's members: not for the
/// gate itself, which an allowed name might resolve to, and not for the host, whose address hides who asks.
fn listen(conf: &mut Conf, network: &Network, port: u16) {
    let Some((v4, v6)) = network.address_of(Service::Proxy) else { return };
    let (host_v4, host_v6) = network.gateway();
    conf.line(&format!("listen {v4}:{port};"));
    conf.line(&format!("listen [{v6}]:{port};"));
    conf.line(&format!("deny {v4}; deny {v6}; deny {host_v4}; deny {host_v6};"));
    conf.line(&format!("allow {}; allow {}; deny all;", network.v4, network.v6));
}
