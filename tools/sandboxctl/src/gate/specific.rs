//! Of the patterns that cover a name only the most specific counts, whichever way it is asked for.
//!
//! nginx chooses by name within one way in: a server of port 80, or a line of port 443's map. A pattern that is not
//! served there would leave its names to a shorter one that is. So it stands there all the same, and refuses. For TLS
//! that the gate opens itself there is nothing to add: no wildcard is.

use std::collections::BTreeSet;
use std::iter::successors;

use policy::{Egress, HostPattern, Network, Policy, Tls};
use record::GateCode;

use super::inner_socket;
use super::refusal::{self, Refusal};
use super::syntax::{Conf, quote};

/// The patterns of a client that one way in does not serve, while it serves a wildcard above them. `serves` says which
/// modes it does serve.
fn closed<'a>(policy: &'a Policy, network: &'a Network, serves: impl Fn(Tls) -> bool) -> BTreeSet<&'a HostPattern> {
    let (served, other): (Vec<&Egress>, Vec<&Egress>) =
        policy.egress_for(network.name.as_str()).partition(|rule| serves(rule.tls));
    let wildcards: BTreeSet<&str> =
        served.iter().filter(|rule| rule.host.is_wildcard()).map(|rule| rule.host.name()).collect();
    let below_one = |pattern: &HostPattern| above(pattern.name()).any(|name| wildcards.contains(name));
    other.into_iter().map(|rule| &rule.host).filter(|pattern| below_one(pattern)).collect()
}

/// The names above a name, the nearest first.
fn above(name: &str) -> impl Iterator<Item = &str> {
    successors(Some(name), |name| name.split_once('.').map(|(_, rest)| rest)).skip(1)
}

/// On port 80: a server that refuses, for each pattern that only a wildcard would serve there.
pub(super) fn refuse_plain(conf: &mut Conf, policy: &Policy, network: &Network) {
    for pattern in closed(policy, network, |tls| tls == Tls::Verify) {
        conf.block("server", |conf| {
            conf.line(&format!("listen {} proxy_protocol;", inner_socket(network)));
            conf.line(&format!("server_name {};", quote(&pattern.to_string())));
            refusal::for_all(conf, network.name.as_str(), &NOT_LISTED_SO);
        });
    }
}

const NOT_LISTED_SO: Refusal<'_> = Refusal {
    status: 403,
    error: GateCode::NameNotListed,
    reason: "the most specific [[egress]] rule of this name takes the client's own TLS, and no plain request",
    mend: "ask for it with https, or write tls = \"verify\" in that rule, then run scripts/up",
};

/// On port 443: a line that leads nowhere, for each pattern that only a wildcard would serve there.
pub(super) fn refuse_tls(conf: &mut Conf, policy: &Policy, network: &Network) {
    for pattern in closed(policy, network, |tls| tls != Tls::Verify) {
        conf.line(&format!("{} \"\";", quote(&pattern.to_string())));
    }
}

#[cfg(test)]
mod tests;
