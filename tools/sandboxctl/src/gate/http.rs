//! Port 80: plain HTTP inside, verified TLS outside.

use std::net::Ipv4Addr;

use policy::{Network, Policy};

use record::GateCode;

use super::door::{self, Door};
use super::refusal::{self, Refusal, Whom};
use super::syntax::{Conf, DOLLAR, quote, value};
use super::{TRUSTED, inner_socket, leg, log, resolver};

/// Room for some 8,000 keys; every rule has one key for each client.
const ZONE_SIZE: &str = "256k";

/// The whole `http` section.
pub(super) fn section(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr) {
    let doors = door::all(policy);
    conf.line(super::LONG_NAMES);
    log::requests(conf);
    conf.line("js_set $gate_key gate.key;");
    conf.line("js_set $gate_failure gate.failure;");
    limits(conf, policy);
    maps(conf, &doors);
    resolver(conf, policy);
    towards_upstreams(conf, outside);
    leg::slots(conf);
    leg::upstreams(conf, policy);
    for network in policy.gate_clients() {
        unlisted(conf, network);
        let own: Vec<&Door<'_>> = doors.iter().filter(|door| door.client == network.name.as_str()).collect();
        for doors in own.chunk_by(|one, next| one.host == next.host) {
            listed(conf, policy, network, doors);
        }
    }
}

/// What keeps one client from using all there is: slow clients are let go, and rates are the policy's.
fn limits(conf: &mut Conf, policy: &Policy) {
    for path in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        conf.line(&format!("{path}_temp_path /run/nginx/{path};"));
    }
    conf.line("server_tokens off;");
    conf.line("uninitialized_variable_warn off;");
    conf.line("default_type application/json;");
    conf.line("client_header_timeout 10s;");
    conf.line("client_body_timeout 60s;");
    conf.line("send_timeout 60s;");
    conf.line("keepalive_timeout 60s;");
    conf.line("reset_timedout_connection on;");
    conf.line("server_names_hash_bucket_size 256;");
    conf.line("limit_req_status 429;");
    conf.line("limit_req_log_level info;");
    for (number, rule) in policy.egress.iter().enumerate() {
        let rate = rule.rate.unwrap_or(policy.proxy.rate);
        conf.line(&format!("limit_req_zone $gate_client zone=rule{number}:{ZONE_SIZE} rate={rate};"));
    }
}

fn maps(conf: &mut Conf, doors: &[Door<'_>]) {
    conf.line(DOLLAR);
    conf.line(r#"map $request_uri $gate_path { "~^(?<gate_raw_path>[^?]*)" $gate_raw_path; default ""; }"#);
    // WebSocket and nothing else: within h2c, say, no rule would be held against the requests.
    conf.line(r#"map $http_upgrade $gate_upgrade { "~*^websocket$" websocket; default ""; }"#);
    conf.line(r#"map $gate_upgrade $gate_upgrade_connection { websocket upgrade; default ""; }"#);
    // A path rule holds for what nginx makes of the path, and the upstream gets the path as it was sent: so where
    // the two could be read differently, nothing passes. The bytes from c0 on are what UTF-8 never has: a slash or dot
    // written longer than it is (RFC 3629, 3).
    conf.line(
        r#"map $gate_path $gate_crooked { default 0; "~//" 1; "~*/\.\.?(;|%3b|/|$)" 1; "~*%(2e|2f|5c|25|0[0-9a-f]|1[0-9a-f]|7f)" 1; "~[\\\\#]" 1; "~*%(c[01]|e0%[89]|f0%8|f[5-9a-f])" 1; "~[\xc0\xc1\xf5-\xff]" 1; "~^[^/]" 1; "" 1; }"#,
    );
    for door in doors {
        door.methods(conf);
    }
}

/// How the gate talks to the outside: TLS 1.2 at least, chain and name verified, streams not held back.
fn towards_upstreams(conf: &mut Conf, outside: Ipv4Addr) {
    conf.line(&format!("proxy_bind {outside};"));
    conf.line("proxy_http_version 1.1;");
    conf.line("proxy_ssl_server_name on;");
    conf.line("proxy_ssl_verify on;");
    conf.line("proxy_ssl_verify_depth 5;");
    conf.line(&format!("proxy_ssl_trusted_certificate {TRUSTED};"));
    conf.line("proxy_ssl_protocols TLSv1.2 TLSv1.3;");
    conf.line("proxy_buffering off;");
    conf.line("proxy_request_buffering off;");
    // Until TLS stands: longer than a leg has to find the name's address and to reach it, so that it says why it didn't.
    conf.line("proxy_connect_timeout 15s;");
    conf.line("proxy_read_timeout 600s;");
    conf.line("proxy_send_timeout 600s;");
    // Only a request that met a kept connection at its end is sent again, on a new one; nginx does not do that with
    // what may not be done twice.
    conf.line("proxy_next_upstream error;");
    conf.line("proxy_next_upstream_tries 2;");
    // Else an upstream could send nginx itself to another path, and the answer to it would be taken for its own.
    conf.line(
        "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;",
    );
}

/// What every name that is not listed comes to: the default server of a client's network.
fn unlisted(conf: &mut Conf, network: &Network) {
    let client = network.name.as_str();
    conf.block("server", |conf| {
        conf.line(&format!("listen {} proxy_protocol default_server;", inner_socket(network)));
        conf.line("server_name _;");
        conf.line(&format!("set $gate_client {};", value(client)));
        for unset in ["rule", "credential", "upstream", "failed", "refusal", "error"] {
            conf.line(&format!("set $gate_{unset} \"\";"));
        }
        refusal::built_in(conf, client);
        conf.block("location /", |conf| {
            Refusal {
                status: 403,
                error: GateCode::NameNotListed,
                reason: "no [[egress]] rule lists this name for this client",
                mend: "add the name under [[egress]] with this client, then run scripts/up",
            }
            .write(conf, Whom { client, rule: None });
        });
    });
}

/// A listed name: a location for every path that a rule allows, a refusal for all else.
fn listed(conf: &mut Conf, policy: &Policy, network: &Network, doors: &[&Door<'_>]) {
    let Some(first) = doors.first() else { return };
    let client = network.name.as_str();
    conf.block("server", |conf| {
        conf.line(&format!("listen {} proxy_protocol;", inner_socket(network)));
        conf.line(&format!("server_name {};", quote(&first.host.to_string())));
        conf.line(&format!("set $gate_client {};", value(client)));
        refusal::built_in(conf, client);
        for door in doors {
            door.write(conf, policy, &format!("^~ {}", quote(door.prefix)));
            without_slash(conf, policy, client, door, doors);
        }
        if !doors.iter().any(|door| door.takes_every_path()) {
            conf.block("location /", |conf| PATH_REFUSED.write(conf, Whom { client, rule: None }));
        }
    });
}

/// A prefix that ends in a slash does not stand for the path without it: there nginx would answer with a redirect
/// to the prefix, where another rule, or none, is to be asked.
fn without_slash(conf: &mut Conf, policy: &Policy, client: &str, door: &Door<'_>, doors: &[&Door<'_>]) {
    let Some(path) = door.prefix.strip_suffix('/').filter(|path| !path.is_empty()) else { return };
    if doors.iter().any(|other| other.prefix == path) {
        return;
    }
    let holding = doors.iter().filter(|other| path.starts_with(other.prefix)).max_by_key(|other| other.prefix.len());
    let place = format!("= {}", quote(path));
    match holding {
        Some(other) => other.write(conf, policy, &place),
        None => conf.block(&format!("location {place}"), |conf| PATH_REFUSED.write(conf, Whom { client, rule: None })),
    }
}

const PATH_REFUSED: Refusal<'_> = Refusal {
    status: 403,
    error: GateCode::PathNotListed,
    reason: "no path of this name's [[egress]] rules is a prefix of this one",
    mend: "add the path to paths of the [[egress]] rule, then run scripts/up",
};
