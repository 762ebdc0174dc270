//! Port 80: plain HTTP inside, verified TLS outside.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use policy::{Authorization, Egress, HostPattern, Network, Policy, Tls};

use super::refusal::{self, Refusal};
use super::syntax::{Conf, DOLLAR, quote, value};
use super::{TRUSTED, listen, log, resolver, rule_id};

/// Room for some 8,000 keys; every rule has one key for each client.
const ZONE_SIZE: &str = "256k";

/// The whole `http` section.
pub(super) fn section(conf: &mut Conf, policy: &Policy, outside: Ipv4Addr) {
    log::requests(conf);
    limits(conf, policy);
    resolver(conf, policy);
    towards_upstreams(conf, outside);
    for network in policy.gate_clients() {
        unlisted(conf, network);
        for (host, rules) in by_host(policy, network) {
            listed(conf, policy, network, host, &rules);
        }
    }
}

/// The rules of a client that the gate opens TLS for, by host: several may share one, for different paths.
fn by_host<'a>(policy: &'a Policy, network: &'a Network) -> BTreeMap<&'a HostPattern, Vec<(usize, &'a Egress)>> {
    let mut hosts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, rule) in policy.egress.iter().enumerate() {
        if rule.tls == Tls::Verify && rule.lists(network.name.as_str()) {
            hosts.entry(&rule.host).or_default().push((number, rule));
        }
    }
    hosts
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
    conf.line("limit_conn_status 429;");
    conf.line("limit_conn_zone $server_addr zone=clients:1m;");
    conf.line("limit_conn clients 1024;");
    for (number, rule) in policy.egress.iter().enumerate() {
        let rate = rule.rate.unwrap_or(policy.proxy.rate);
        conf.line(&format!("limit_req_zone $server_addr zone=rule{number}:{ZONE_SIZE} rate={rate};"));
    }
    conf.line(DOLLAR);
    conf.line(r#"map $http_upgrade $gate_connection { default upgrade; "" ""; }"#);
    // A path rule holds for what nginx makes of the path, and the upstream gets the path as it was sent: so
    // where the two could be read differently (dots, doubled slashes, encoded separators), nothing passes.
    conf.line(r#"map $gate_path $gate_crooked { default 0; "~//" 1; "~/\.\.?(/|$)" 1; "~*%(2e|2f|5c|25|00)" 1; "~\\\\" 1; "~^[^/]" 1; }"#);
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
    conf.line("proxy_connect_timeout 10s;");
    conf.line("proxy_read_timeout 600s;");
    conf.line("proxy_send_timeout 600s;");
    conf.line("proxy_next_upstream off;");
}

/// What every name that is not listed comes to: the default server of a client's network.
fn unlisted(conf: &mut Conf, network: &Network) {
    let client = network.name.as_str();
    conf.block("server", |conf| {
        listen(conf, network, 80, " default_server");
        conf.line("server_name _;");
        conf.line(&format!("set $gate_client {};", value(client)));
        for unset in ["rule", "destination", "credential", "upstream"] {
            conf.line(&format!("set $gate_{unset} \"\";"));
        }
        refusal::built_in(conf, client);
        conf.block("location /", |conf| {
            Refusal {
                status: 403,
                error: "name-not-listed",
                reason: "no [[egress]] rule lists this name for this client",
                mend: "add the name under [[egress]] with this client, then run scripts/up",
            }
            .write(conf, client);
        });
    });
}

/// A listed name: a location for every path that a rule allows, a refusal for all else.
fn listed(conf: &mut Conf, policy: &Policy, network: &Network, host: &HostPattern, rules: &[(usize, &Egress)]) {
    let client = network.name.as_str();
    conf.block("server", |conf| {
        listen(conf, network, 80, "");
        conf.line(&format!("server_name {};", quote(&host.to_string())));
        conf.line(&format!("set $gate_client {};", value(client)));
        refusal::built_in(conf, client);
        let mut everything = false;
        for (number, rule) in rules {
            everything |= rule.paths.is_empty();
            let all = [String::from("/")];
            for path in if rule.paths.is_empty() { &all[..] } else { &rule.paths } {
                conf.block(&format!("location ^~ {}", quote(path)), |conf| {
                    allowed(conf, policy, client, *number, rule);
                });
            }
        }
        if !everything {
            conf.block("location /", |conf| PATH_REFUSED.write(conf, client));
        }
    });
}

const PATH_REFUSED: Refusal<'_> = Refusal {
    status: 403,
    error: "path-not-listed",
    reason: "no path of this name's [[egress]] rule is a prefix of this one",
    mend: "add the path to paths of the [[egress]] rule, then run scripts/up",
};

/// One location: what is still refused, then the way out.
fn allowed(conf: &mut Conf, policy: &Policy, client: &str, number: usize, rule: &Egress) {
    conf.line(&format!("set $gate_rule {};", value(&rule_id(number, rule))));
    conf.line("set $gate_destination $host;");
    if !rule.paths.is_empty() {
        Refusal {
            status: 400,
            error: "path-not-plain",
            reason: "the path has dot segments, doubled slashes or encoded separators, which two readers may read differently",
            mend: "ask for the plain path",
        }
        .when("$gate_crooked", conf, client);
    }
    methods(conf, client, rule);
    key(conf, client, rule);
    conf.line(&format!("limit_req zone=rule{number} burst={} nodelay;", rule.burst.unwrap_or(policy.proxy.burst)));
    conf.line(&format!("client_max_body_size {};", rule.body.unwrap_or(policy.proxy.body).get()));
    onwards(conf, rule);
}

/// GET allows HEAD, as everywhere (RFC 9110 §9.3.2).
fn methods(conf: &mut Conf, client: &str, rule: &Egress) {
    if rule.methods.is_empty() {
        return;
    }
    let mut methods: Vec<&str> = rule.methods.iter().map(String::as_str).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    let condition = format!("$request_method !~ {}", quote(&format!("^({})$", methods.join("|"))));
    Refusal {
        status: 405,
        error: "method-not-listed",
        reason: "the [[egress]] rule does not list this method",
        mend: "add the method to methods of the [[egress]] rule, then run scripts/up",
    }
    .when(&condition, conf, client);
}

/// The key that the gate adds: read when it is needed, sent to this name only, for this client only.
fn key(conf: &mut Conf, client: &str, rule: &Egress) {
    let Some(name) = &rule.credential else { return };
    let variable = format!("$http_{}", rule.header.replace('-', "_"));
    if rule.authorization == Authorization::Refuse {
        Refusal {
            status: 403,
            error: "credential-of-your-own",
            reason: "the request brings a credential of its own, and the policy says refuse",
            mend: "leave the header out: the gate adds its own",
        }
        .when(&format!("{variable} != \"\""), conf, client);
    }
    conf.line(&format!("set $gate_credential {};", value(name)));
    Refusal {
        status: 503,
        error: "credential-not-delivered",
        reason: "the gate holds no key for this name: none was delivered since it started",
        mend: "deliver it: sandboxctl secret put NAME",
    }
    .when("$gate_key = \"\"", conf, client);
    conf.line(&format!("proxy_set_header {} $gate_key;", rule.header));
}

/// To the upstream, under its canonical name, and with nothing that tells of the inside.
fn onwards(conf: &mut Conf, rule: &Egress) {
    let name = if rule.host.is_wildcard() { "$host".to_owned() } else { rule.host.to_string() };
    conf.line(&format!("set $gate_upstream {name};"));
    conf.line("proxy_ssl_name $gate_upstream;");
    conf.line("proxy_set_header Host $gate_upstream;");
    conf.line("proxy_set_header Upgrade $http_upgrade;");
    conf.line("proxy_set_header Connection $gate_connection;");
    for header in [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Forwarded",
        "Via",
        "Proxy-Authorization",
    ] {
        conf.line(&format!("proxy_set_header {header} \"\";"));
    }
    conf.line("proxy_redirect https://$gate_upstream/ http://$gate_upstream/;");
    conf.line("proxy_pass https://$gate_upstream:443;");
}
