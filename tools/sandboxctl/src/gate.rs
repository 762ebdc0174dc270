//! `render nginx`: from the policy to the gate's configuration.
//!
//! Deny by default, and nginx's own means wherever it has them: a server for every client network and
//! name, a location for every path, `limit_req`, verified TLS outside. What follows from that:
//!
//! - Port 80 and 443 are both let in by `stream`, which counts a client's connections before it reads a byte: `http`
//!   would count requests, and the prisoner could hold every connection there is with half a request on each.
//! - Who asks is told by the address that was asked: the gate has one on each client's network, and no
//!   network reaches another's. So no header and no source address is trusted.
//! - What leads out goes through a relay (relay.rs): `stream` looks the name's address up for every connection, and
//!   refuses one of the inside at once. The moat behind it has the last word.
//! - It binds its outgoing connections to its address on `egress`. A name that resolves to one of its
//!   other networks, to loopback or to itself then leads nowhere: these never cross the moat.
//! - Every text that the policy chose goes through [`syntax::quote`] or [`syntax::value`].

mod http;
mod inspected;
mod location;
mod log;
mod passed;
mod refusal;
mod relay;
mod specific;
mod stream;
mod syntax;

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use engine::Families;
use policy::{NetworkName, Policy, Service};

use syntax::Conf;

/// Where the image keeps the scripts for what nginx has no directive for.
const SCRIPTS: &str = "/etc/nginx/njs";

/// The roots that an upstream's certificate must lead to; delivered beside the configuration.
const TRUSTED: &str = "/etc/nginx/gate/trusted-ca.pem";

/// The key of a map is a client, a rule and a name. A name has up to 253 bytes: by itself nginx does not start with one
/// over some 30. Stands before the first map.
const LONG_NAMES: &str = "map_hash_bucket_size 1024;";

/// The whole of nginx.conf.
///
/// # Errors
/// When the policy has no `egress` network with the gate on it.
pub(crate) fn render(policy: &Policy, families: Families) -> anyhow::Result<String> {
    let outside = outside_address(policy)?;
    let mut conf = Conf::default();
    conf.line("# The gate, made by `sandboxctl render nginx` from the policy. Changes made here are lost.");
    conf.line("load_module /usr/lib/nginx/modules/ngx_http_js_module.so;");
    conf.line("load_module /usr/lib/nginx/modules/ngx_stream_module.so;");
    conf.line("load_module /usr/lib/nginx/modules/ngx_stream_js_module.so;");
    conf.line("worker_processes 2;");
    // A reload lets requests end that are under way, but nothing lives on for ever under rules that are gone.
    conf.line("worker_shutdown_timeout 300s;");
    conf.line("pid /run/nginx/nginx.pid;");
    // Every request meets some dozen expressions.
    conf.line("pcre_jit on;");
    conf.line("error_log stderr warn;");
    // Room for all that the clients may open at once (see stream.rs), below the container's limit of 16384 files.
    conf.line("events { worker_connections 8000; }");
    conf.block("http", |conf| http::section(conf, policy, outside));
    conf.block("stream", |conf| stream::section(conf, policy, outside, families));
    Ok(conf.text())
}

/// The gate's own address on the way out.
fn outside_address(policy: &Policy) -> anyhow::Result<Ipv4Addr> {
    policy
        .network(NetworkName::EGRESS)
        .and_then(|network| network.address_of(Service::Proxy))
        .map(|(v4, _)| v4)
        .context("the policy has no network `egress`: the gate has no way out; add it under [networks]")
}

/// `resolver` with the policy's own resolvers. IPv4 answers only, because outgoing connections are bound to an
/// IPv4 address; never Docker's resolver, where the gate would find itself under every allowed name.
fn resolver(conf: &mut Conf, policy: &Policy) {
    let addresses: Vec<String> = policy
        .proxy
        .resolvers
        .iter()
        .map(|address| match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        })
        .collect();
    conf.line(&format!("resolver {} ipv6=off;", addresses.join(" ")));
    // nginx turns to the next resolver after 5 s of silence: time for that one to answer.
    conf.line("resolver_timeout 8s;");
}

/// How a rule is called in the log: its place in the policy, from 0, and its name.
fn rule_id(number: usize, rule: &policy::Egress) -> String {
    format!("egress-{number}-{}", rule.host)
}

/// Where a client's plain requests go on to, once the front has let the connection in.
fn inner_socket(network: &policy::Network) -> String {
    format!("unix:/run/nginx/http-{}.sock", network.name)
}

#[cfg(test)]
mod tests;
