//! The client's own TLS, let through by the name in its handshake. Decided here is which rule the name
//! falls under, and where that leads: to its relay, or to where the gate opens it (inspected.rs). Maps are looked up
//! when they are needed, after the handshake's first message was read; `set` runs too early.

use std::collections::BTreeSet;

use policy::{Egress, Network, Policy, Tls};

use super::inspected;
use super::relay::Relay;
use super::rule_id;
use super::specific;
use super::stream::{REFUSING, REFUSING_PROXY_PROTOCOL};
use super::syntax::{Conf, quote, value};

/// What a wildcard may stand for: a name and nothing else.
const PLAIN: &str = r"([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}";

/// A rule's id, and the rule.
type Named<'a> = (String, &'a Egress);

fn of<'a>(policy: &'a Policy, network: &'a Network) -> impl Iterator<Item = Named<'a>> {
    let listed = |rule: &Egress| rule.tls != Tls::Verify && rule.lists(network.name.as_str());
    let rules = policy.egress.iter().enumerate();
    rules.filter(move |(_, rule)| listed(rule)).map(|(number, rule)| (rule_id(number, rule), rule))
}

/// From the client and the name in its handshake to the rule, and from there to the way out.
pub(super) fn rules(conf: &mut Conf, policy: &Policy) {
    for (number, network) in policy.gate_clients().enumerate() {
        names(conf, policy, network, number);
    }
    conf.block("map $gate_client $gate_rule", |conf| {
        conf.line("default \"\";");
        for (number, network) in policy.gate_clients().enumerate() {
            conf.line(&format!("{} $gate_rule_of_{number};", quote(network.name.as_str())));
        }
    });
    ways(conf, policy);
}

/// The names that one client may reach; none is the empty string.
fn names(conf: &mut Conf, policy: &Policy, network: &Network, client: usize) {
    conf.block(&format!("map $ssl_preread_server_name $gate_rule_of_{client}"), |conf| {
        conf.line("hostnames;");
        conf.line("default \"\";");
        // Several rules may share a name that the gate opens: they lead to one place, and a name is one line's.
        let mut seen = BTreeSet::new();
        for (id, rule) in of(policy, network).filter(|(_, rule)| seen.insert(&rule.host)) {
            conf.line(&format!("{} {};", quote(&rule.host.to_string()), value(&id)));
        }
        specific::refuse_tls(conf, policy, network);
    });
}

/// Where a rule leads: to its relay, a wildcard's only if what the client asks for is nothing but a name.
fn ways(conf: &mut Conf, policy: &Policy) {
    conf.line(&format!("map $ssl_preread_server_name $gate_is_name {{ default 0; \"~*^{PLAIN}\\.?$\" 1; }}"));
    conf.block("map \"$gate_client $gate_rule $gate_is_name\" $gate_upstream", |conf| {
        conf.line(&format!("default {REFUSING};"));
        for network in policy.gate_clients() {
            let client = network.name.as_str();
            let is_told = inspected::is_on(policy, network);
            if is_told {
                conf.line(&format!("{} {REFUSING_PROXY_PROTOCOL};", quote(&format!("~^{client} "))));
            }
            for (id, rule) in of(policy, network) {
                let place = match rule.tls {
                    Tls::Inspect => inspected::socket(network),
                    _ if is_told => Relay::new(client, &rule.host).proxy_protocol_socket(),
                    _ => Relay::new(client, &rule.host).socket(),
                };
                conf.line(&format!("{} {place};", quote(&format!("{client} {id} 1"))));
            }
        }
    });
}
