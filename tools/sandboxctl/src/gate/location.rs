//! One location (in nginx's sense) of one name for one client. What still stands in the way, then the way out.

use std::collections::{BTreeMap, BTreeSet};

use policy::{Authorization, Egress, HostPattern, Network, Policy, Tls};

use record::GateCode;

use super::refusal::{Refusal, Refused};
use super::relay::Relay;
use super::rule_id;
use super::syntax::{Conf, value};

/// Headers that tell of the inside.
const INSIDE: [&str; 7] = [
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Forwarded",
    "Via",
    "Proxy-Authorization",
];

/// Headers that some upstreams read as another method or path than the one that a rule was held against.
const OVERRIDES: [&str; 6] = [
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-URI",
];

/// A rule and its place in the policy, from 0.
pub(super) type Numbered<'a> = (usize, &'a Egress);

/// All requests for one path prefix of one name, from one client.
pub(super) struct Location<'a> {
    pub(super) client: &'a str,
    pub(super) host: &'a HostPattern,
    /// Where the client's own TLS ends, if it opens any.
    pub(super) tls: Tls,
    pub(super) prefix: &'a str,
    /// The rules whose own prefix is one of this prefix: at least one. They agree in all but methods and paths.
    rules: Vec<Numbered<'a>>,
    /// Which variable says which rule lets a method through.
    number: usize,
}

/// Every location of the policy: a name's longest prefix decides, and all rules that hold there count.
pub(super) fn all(policy: &Policy) -> Vec<Location<'_>> {
    let mut locations = Vec::new();
    for network in policy.gate_clients() {
        for (host, rules) in by_host(policy, network) {
            let Some(tls) = rules.first().map(|(_, rule)| rule.tls) else { continue };
            let prefixes: BTreeSet<&str> = rules.iter().flat_map(|(_, rule)| prefixes(rule)).collect();
            for prefix in prefixes {
                let holds = |rule: &Egress| prefixes_of(rule).any(|own| prefix.starts_with(own));
                let rules = rules.iter().filter(|(_, rule)| holds(rule)).copied().collect();
                locations.push(Location {
                    client: network.name.as_str(),
                    host,
                    tls,
                    prefix,
                    rules,
                    number: locations.len(),
                });
            }
        }
    }
    locations
}

/// The rules of a client that the gate opens TLS for, by host: several may share one, for different paths.
fn by_host<'a>(policy: &'a Policy, network: &Network) -> BTreeMap<&'a HostPattern, Vec<Numbered<'a>>> {
    let mut hosts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, rule) in policy.egress.iter().enumerate() {
        if rule.tls != Tls::Passthrough && rule.lists(network.name.as_str()) {
            hosts.entry(&rule.host).or_default().push((number, rule));
        }
    }
    hosts
}

fn prefixes(rule: &Egress) -> Vec<&str> {
    if rule.paths.is_empty() { vec!["/"] } else { rule.paths.iter().map(String::as_str).collect() }
}

fn prefixes_of(rule: &Egress) -> impl Iterator<Item = &str> {
    prefixes(rule).into_iter()
}

impl Location<'_> {
    /// Which rule lets a method through here; none is the empty string. Only what is
    /// listed: GET does not bring HEAD along.
    pub(super) fn methods(&self, conf: &mut Conf) {
        conf.block(&format!("map $request_method $gate_rule_{}", self.number), |conf| {
            let any = self.rules.iter().find(|(_, rule)| rule.methods.is_empty());
            let default = any.map(|(number, rule)| rule_id(*number, rule)).unwrap_or_default();
            conf.line(&format!("default {};", value(&default)));
            let mut seen = BTreeSet::new();
            for (number, rule) in &self.rules {
                for method in &rule.methods {
                    if seen.insert(method) {
                        conf.line(&format!("{method} {};", value(&rule_id(*number, rule))));
                    }
                }
            }
        });
    }

    /// Its location: `place` tells nginx which one.
    pub(super) fn write(&self, conf: &mut Conf, policy: &Policy, place: &str) {
        let Some((number, rule)) = self.rules.first() else { return };
        let id = rule_id(*number, rule);
        let whom = Refused { client: self.client, rule: Some(&id) };
        conf.block(&format!("location {place}"), |conf| {
            conf.line(&format!("set $gate_rule $gate_rule_{};", self.number));
            self.refuse(conf, whom);
            key(conf, whom, rule);
            let rate = rule.rate.unwrap_or(policy.proxy.rate);
            conf.line(&format!("set $gate_wait {};", rate.wait()));
            conf.line(&format!(
                "limit_req zone=rule{number} burst={} nodelay;",
                rule.burst.unwrap_or(policy.proxy.burst)
            ));
            conf.line(&format!("client_max_body_size {};", rule.body.unwrap_or(policy.proxy.body).get()));
            onwards(conf, self.client, rule);
        });
    }

    /// What no rule lets through: a method that is not listed, and what two readers may read differently.
    fn refuse(&self, conf: &mut Conf, whom: Refused<'_>) {
        METHOD_REFUSED.when("$gate_rule = \"\"", conf, whom);
        // Where every path is allowed, none can be read as another that is not.
        if self.rules.iter().any(|(_, rule)| !rule.paths.is_empty()) {
            PATH_CROOKED.when("$gate_crooked", conf, whom);
        }
        if self.host.is_wildcard() {
            NAME_CROOKED.when("$host !~ \"^[a-z0-9_-]+(\\.[a-z0-9_-]+)+$\"", conf, whom);
        }
    }

    /// The second name of its host's ([`Egress::door`]): the rules of one host agree in what decides that.
    pub(super) fn second_name(&self) -> Option<String> {
        self.rules.first().and_then(|(_, rule)| rule.door(self.client))
    }

    /// Whether it leaves no path of its name without a location.
    pub(super) fn takes_every_path(&self) -> bool {
        self.prefix == "/"
    }
}

const METHOD_REFUSED: Refusal<'_> = Refusal {
    status: 405,
    error: GateCode::MethodNotListed,
    reason: "no [[egress]] rule for this path lists this method",
    mend: "add the method to methods of the [[egress]] rule, then run scripts/up",
};

const PATH_CROOKED: Refusal<'_> = Refusal {
    status: 400,
    error: GateCode::PathNotPlain,
    reason: "the path has dot segments, doubled slashes, encoded separators or the like, which two readers may read differently",
    mend: "ask for the plain path",
};

const NAME_CROOKED: Refusal<'_> = Refusal {
    status: 400,
    error: GateCode::NameNotPlain,
    reason: "the name is no host name: labels of letters, digits and hyphens, with dots between",
    mend: "ask for a host name",
};

/// The key that the gate adds: read when it is needed, sent to this name only, for this client only.
fn key(conf: &mut Conf, whom: Refused<'_>, rule: &Egress) {
    let Some(name) = &rule.credential else { return };
    let variable = format!("$http_{}", rule.header.replace('-', "_"));
    if rule.authorization == Authorization::Refuse {
        Refusal {
            status: 403,
            error: GateCode::CredentialOfYourOwn,
            reason: "the request brings a credential of its own, and the policy says refuse",
            mend: "leave the header out: the gate adds its own",
        }
        .when(&format!("{variable} != \"\""), conf, whom);
    }
    conf.line(&format!("set $gate_credential {};", value(name)));
    Refusal {
        status: 503,
        error: GateCode::CredentialNotDelivered,
        reason: "the gate holds no key for this name: none was delivered since it started",
        mend: &format!("deliver it: sandboxctl secret put {name}"),
    }
    .when("$gate_key = \"\"", conf, whom);
    conf.line(&format!("proxy_set_header {} $gate_key;", rule.header));
}

/// To the upstream, under its canonical name, and with nothing that tells of the inside.
fn onwards(conf: &mut Conf, client: &str, rule: &Egress) {
    let name = if rule.host.is_wildcard() { "$host".to_owned() } else { rule.host.to_string() };
    conf.line(&format!("set $gate_upstream {name};"));
    conf.line("proxy_ssl_name $gate_upstream;");
    conf.line("proxy_set_header Host $gate_upstream;");
    conf.line("proxy_set_header Upgrade $gate_upgrade;");
    conf.line("proxy_set_header Connection $gate_upgrade_connection;");
    for header in INSIDE.into_iter().chain(OVERRIDES) {
        if !header.eq_ignore_ascii_case(&rule.header) {
            conf.line(&format!("proxy_set_header {header} \"\";"));
        }
    }
    match rule.tls {
        Tls::Inspect => conf.line("proxy_redirect off;"),
        // Under the name that was asked, which may be the second one.
        _ => conf.line("proxy_redirect https://$gate_upstream/ http://$host/;"),
    }
    Relay::new(client, &rule.host).pass(conf);
}
