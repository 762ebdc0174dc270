//! `tls = "inspect"`: the client's own TLS ends here, in `http`, for the listed names alone. The same rules hold as on
//! port 80.
//!
//! The front (stream.rs) leads here what asks for such a name in its handshake; nothing else gets here. The certificate
//! is read for each handshake, from the tmpfs that `sandboxctl cert inspect` put it into: without it there is no
//! handshake, and nginx starts all the same. On one connection every request is for the name of the handshake.

use policy::{Network, Policy, Tls};
use record::GateCode;

use super::refusal::{self, Refusal, Refused};
use super::syntax::{Conf, quote, value};
use crate::paths::leaf_file;

/// Where a client's TLS goes on to, once the front knows that the gate opens it.
pub(super) fn socket(network: &Network) -> String {
    format!("unix:/run/nginx/tls-{}.sock", network.name)
}

/// Whether the gate opens TLS for anybody on this network.
pub(super) fn is_on(policy: &Policy, network: &Network) -> bool {
    policy.egress_for(network.name.as_str()).any(|rule| rule.tls == Tls::Inspect)
}

/// From the name in the handshake to its certificate, in `http`; the empty string for none.
pub(super) fn section(conf: &mut Conf, policy: &Policy) {
    let names = policy.inspected();
    if names.is_empty() {
        return;
    }
    conf.block("map $ssl_server_name $gate_leaf", |conf| {
        conf.line("hostnames;");
        conf.line("default \"\";");
        for name in names {
            conf.line(&format!("{} {};", quote(name), value(&leaf_file(name))));
        }
    });
    conf.line("ssl_protocols TLSv1.2 TLSv1.3;");
    // A ticket would keep a session's key longer than the session, and no name's session is another's.
    conf.line("ssl_session_tickets off;");
}

/// In the server of such a name: where it listens, and what it shows.
pub(super) fn listen(conf: &mut Conf, network: &Network) {
    conf.line(&format!("listen {} ssl proxy_protocol;", socket(network)));
    conf.line("ssl_certificate /run/secrets/$gate_leaf;");
    conf.line("ssl_certificate_key /run/secrets/$gate_leaf;");
}

/// In that server, once the client is known: a request whose Host is not the TLS server name is refused (421).
pub(super) fn hold(conf: &mut Conf, network: &Network, name: &str) {
    let whom = Refused { client: network.name.as_str(), rule: None };
    NAME_MISDIRECTED.when(&format!("$gate_leaf != {}", quote(&leaf_file(name))), conf, whom);
}

/// What a request comes to whose Host header no server here has: the handshake was for one that has.
pub(super) fn misdirected(conf: &mut Conf, policy: &Policy, network: &Network) {
    if !is_on(policy, network) {
        return;
    }
    conf.block("server", |conf| {
        conf.line(&format!("listen {} ssl proxy_protocol default_server;", socket(network)));
        conf.line("server_name _;");
        conf.line("ssl_reject_handshake on;");
        refusal::for_all(conf, network.name.as_str(), &NAME_MISDIRECTED);
    });
}

/// RFC 9110, 15.5.20.
const NAME_MISDIRECTED: Refusal<'_> = Refusal {
    status: 421,
    error: GateCode::NameMisdirected,
    reason: "the request is for another name than the TLS handshake was",
    mend: "open a connection for each name",
};
