//! Port 80: plain HTTP inside, verified TLS outside. Of port 443 what the gate opens TLS for (inspected.rs).

use std::net::Ipv4Addr;

use policy::{Network, Policy, Tls};

use record::GateCode;

use super::location::{self, Location};
use super::refusal::{self, Refusal, Refused};
use super::syntax::{Conf, DOLLAR, quote, value};
use super::{TRUSTED, inner_socket, inspected, log, relay, resolver, specific};

/// Room for some 8,000 keys; every rule has one key for each client.
const ZONE_SIZE: &str = "256k";

/// The whole `http` section.
pub(super) fn section(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr) {
    let locations = location::all(policy);
    conf.line(super::LONG_NAMES);
    log::requests(conf);
    conf.line("js_set $gate_key gate.key;");
    conf.line("js_set $gate_failure gate.failure;");
    limits(conf, policy);
    maps(conf, &locations);
    inspected::section(conf, policy);
    resolver(conf, policy);
    towards_upstreams(conf, outside);
    relay::slots(conf);
    relay::upstreams(conf, policy);
    for network in policy.gate_clients() {
        unlisted(conf, network);
        inspected::misdirected(conf, policy, network);
        let own: Vec<&Location<'_>> =
            locations.iter().filter(|location| location.client == network.name.as_str()).collect();
        for locations in own.chunk_by(|one, next| one.host == next.host) {
            listed(conf, policy, network, locations);
        }
        specific::refuse_plain(conf, policy, network);
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
    conf.line("server_names_hash_bucket_size 512;");
    conf.line("limit_req_status 429;");
    conf.line("limit_req_log_level info;");
    for (number, rule) in policy.egress.iter().enumerate() {
        let rate = rule.rate.unwrap_or(policy.proxy.rate);
        conf.line(&format!("limit_req_zone $gate_client zone=rule{number}:{ZONE_SIZE} rate={rate};"));
    }
}

fn maps(conf: &mut Conf, locations: &[Location<'_>]) {
    conf.line(DOLLAR);
    conf.line(r#"map $request_uri $gate_path { "~^(?<gate_raw_path>[^?]*)" $gate_raw_path; default ""; }"#);
    // WebSocket and nothing else: within h2c, say, no rule would be held against the requests.
    conf.line(r#"map $http_upgrade $gate_upgrade { "~*^websocket$" websocket; default ""; }"#);
    conf.line(r#"map $gate_upgrade $gate_upgrade_connection { websocket upgrade; default ""; }"#);
    // A path rule holds for what nginx makes of the path. The upstream gets the path as it was sent: so where the two
    // could be read differently, nothing passes. The bytes from c0 on are what UTF-8 never has: a slash or dot written
    // longer than it is (RFC 3629, 3).
    conf.line(
        r#"map $gate_path $gate_crooked { default 0; "~//" 1; "~*/\.\.?(;|%3b|/|$)" 1; "~*%(2e|2f|5c|25|0[0-9a-f]|1[0-9a-f]|7f)" 1; "~[\\\\#]" 1; "~*%(c[01]|e0%[89]|f0%8|f[5-9a-f])" 1; "~[\xc0\xc1\xf5-\xff]" 1; "~^[^/]" 1; "" 1; }"#,
    );
    for location in locations {
        location.methods(conf);
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
    // Until TLS stands: longer than a relay has to find the name's address and to reach it. So it says why it didn't.
    conf.line("proxy_connect_timeout 15s;");
    conf.line("proxy_read_timeout 600s;");
    conf.line("proxy_send_timeout 600s;");
    // Only a request that met a kept connection at its end is sent again, on a new one; nginx does not do that with
    // what may not be done twice.
    conf.line("proxy_next_upstream error;");
    conf.line("proxy_next_upstream_tries 2;");
    // Else an upstream could send nginx itself to another path. The answer to that would be taken for its own.
    conf.line(
        "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;",
    );
}

/// What every name that is not listed comes to: the default server of a client's network.
fn unlisted(conf: &mut Conf, network: &Network) {
    conf.block("server", |conf| {
        conf.line(&format!("listen {} proxy_protocol default_server;", inner_socket(network)));
        conf.line("server_name _;");
        for unset in ["rule", "credential", "upstream", "asked", "failed", "refusal", "error"] {
            conf.line(&format!("set $gate_{unset} \"\";"));
        }
        refusal::for_all(conf, network.name.as_str(), &NOT_LISTED);
    });
}

const NOT_LISTED: Refusal<'_> = Refusal {
    status: 403,
    error: GateCode::NameNotListed,
    reason: "no [[egress]] rule lists this name for this client",
    mend: "add the name under [[egress]] with this client, then run scripts/up",
};

/// A listed name: a location for every path that a rule allows, a refusal for all else.
fn listed(conf: &mut Conf, policy: &Policy, network: &Network, locations: &[&Location<'_>]) {
    let Some(first) = locations.first() else { return };
    let client = network.name.as_str();
    conf.block("server", |conf| {
        match first.tls {
            Tls::Inspect => inspected::listen(conf, network),
            _ => conf.line(&format!("listen {} proxy_protocol;", inner_socket(network))),
        }
        conf.line(&format!("server_name {};", quote(&first.host.to_string())));
        if let Some(door) = first.second_name() {
            conf.line(&format!("server_name {};", quote(&door)));
        }
        conf.line(&format!("set $gate_client {};", value(client)));
        // The log has the host itself, by whichever name it was asked.
        let asked = if first.host.is_wildcard() { "$host" } else { first.host.name() };
        conf.line(&format!("set $gate_asked {asked};"));
        if first.tls == Tls::Inspect {
            inspected::hold(conf, network, first.host.name());
        }
        refusal::built_in(conf, client);
        for location in locations {
            location.write(conf, policy, &format!("^~ {}", quote(location.prefix)));
            without_slash(conf, policy, client, location, locations);
        }
        if !locations.iter().any(|location| location.takes_every_path()) {
            conf.block("location /", |conf| PATH_REFUSED.write(conf, Refused { client, rule: None }));
        }
    });
}

/// A prefix that ends in a slash does not stand for the path without it. There nginx would answer with a redirect to
/// the prefix, where another rule, or none, is to be asked.
fn without_slash(conf: &mut Conf, policy: &Policy, client: &str, location: &Location<'_>, locations: &[&Location<'_>]) {
    let Some(path) = location.prefix.strip_suffix('/').filter(|path| !path.is_empty()) else { return };
    if locations.iter().any(|other| other.prefix == path) {
        return;
    }
    let holding =
        locations.iter().filter(|other| path.starts_with(other.prefix)).max_by_key(|other| other.prefix.len());
    let place = format!("= {}", quote(path));
    match holding {
        Some(other) => other.write(conf, policy, &place),
        None => {
            conf.block(&format!("location {place}"), |conf| PATH_REFUSED.write(conf, Refused { client, rule: None }));
        }
    }
}

const PATH_REFUSED: Refusal<'_> = Refusal {
    status: 403,
    error: GateCode::PathNotListed,
    reason: "no path of this name's [[egress]] rules is a prefix of this one",
    mend: "add the path to paths of the [[egress]] rule, then run scripts/up",
};
