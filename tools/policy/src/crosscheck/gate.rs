//! Checks of the gate's rules against the networks, each other and the watched repositories.

use std::collections::HashMap;

use crate::reader::document::Document;
use crate::reader::value::Value;
use crate::{Egress, Network, NetworkName, Policy, Repo, Service};

/// Where the cell is open and the gate holds its key or opens its TLS, they need a common network.
pub(crate) fn model(document: &Document<'_>, policy: &Policy) {
    const NAME: &str = NetworkName::MODEL;
    if policy.needs_model() && policy.network(NAME).is_none() {
        let problem = "the network \"model\" is missing: an open cell reaches a name whose key the gate adds, or whose TLS \
            it opens, only through it";
        let mend =
            format!("add {NAME} = {{ bridge = \"br-{NAME}\", subnets = [\"172.30.X.0/24\", \"fd6c:6c62:X::/64\"] }}");
        Value::at(document, &["networks"]).refuse::<()>(problem, mend);
    }
}

/// Every client is a network whose members ask the gate. Who is on `model` is there as the cell.
pub(crate) fn clients(document: &Document<'_>, policy: &Policy) {
    let can_ask = |network: &&Network| {
        let asks = || network.internal && network.members.contains(&Service::Proxy);
        network.name == NetworkName::CELL || (network.name != NetworkName::MODEL && asks())
    };
    let askers: Vec<&str> = policy.networks.values().filter(can_ask).map(|network| network.name.as_str()).collect();
    for (index, rule) in policy.egress.iter().enumerate() {
        let number = (index + 1).to_string();
        for client in rule.clients.iter().filter(|client| !askers.contains(&client.as_str())) {
            let place = Value::at(document, &["egress", &number, "clients"]);
            let problem = match policy.network(client.as_str()) {
                Some(_) if client == NetworkName::MODEL => "who is on model asks as the cell".to_owned(),
                Some(_) => format!("the members of {client} don't ask the gate"),
                None => format!("there is no network {client}"),
            };
            place.refuse::<()>(problem, format!("networks that can ask are {}", askers.join(", ")));
        }
    }
}

/// Two rules for one host and client say the same about TLS, key and limits. Neither makes the other moot.
pub(crate) fn rules(document: &Document<'_>, policy: &Policy) {
    let mut by_name: HashMap<(String, &str), Vec<(usize, &Egress)>> = HashMap::new();
    for (index, rule) in policy.egress.iter().enumerate() {
        for client in &rule.clients {
            let others = by_name.entry((rule.host.to_string(), client.as_str())).or_default();
            let number = (index + 1).to_string();
            let clash = others.iter().find_map(|(other, earlier)| Some((other, clash(earlier, rule)?)));
            if let Some((other, clash)) = clash {
                let place = Value::at(document, &["egress", &number, clash.key()]);
                let problem = format!("{} for {client}: {} rule {other}", rule.host, clash.problem());
                place.refuse::<()>(problem, clash.mend());
            }
            if others.len() < MOST_FOR_ONE_NAME {
                others.push((index + 1, rule));
            } else {
                let place = Value::at(document, &["egress", &number, "host"]);
                let problem = format!("over {MOST_FOR_ONE_NAME} rules for {} and {client}", rule.host);
                place.refuse::<()>(problem, "put their paths into one rule");
            }
        }
    }
}

/// Rules for one host and client, each compared with each.
const MOST_FOR_ONE_NAME: usize = 100;

enum Clash {
    /// The two differ where a host can only be one thing.
    Contradicts(&'static str),
    /// One allows everything that the other does.
    Swallowed,
}

impl Clash {
    fn key(&self) -> &'static str {
        match self {
            Self::Contradicts(key) => key,
            Self::Swallowed => "host",
        }
    }

    fn problem(&self) -> String {
        match self {
            Self::Contradicts(key) => format!("{key} contradicts"),
            Self::Swallowed => "allows no more, or no less, than".to_owned(),
        }
    }

    fn mend(&self) -> &'static str {
        match self {
            Self::Contradicts(_) => "say the same in both, or make one rule of them",
            Self::Swallowed => "remove the narrower one: it restricts nothing",
        }
    }
}

fn clash(earlier: &Egress, later: &Egress) -> Option<Clash> {
    let differs = [
        ("tls", earlier.tls != later.tls),
        ("credential", earlier.credential != later.credential),
        ("header", earlier.header != later.header),
        ("authorization", earlier.authorization != later.authorization),
        ("rate", earlier.rate != later.rate),
        ("burst", earlier.burst != later.burst),
        ("body", earlier.body != later.body),
    ];
    let contradiction = differs.into_iter().find(|(_, differs)| *differs).map(|(key, _)| Clash::Contradicts(key));
    contradiction.or_else(|| (covers(earlier, later) || covers(later, earlier)).then_some(Clash::Swallowed))
}

/// Whether whatever `inner` allows, `outer` allows too.
fn covers(outer: &Egress, inner: &Egress) -> bool {
    let methods = outer.methods.is_empty()
        || !inner.methods.is_empty() && inner.methods.iter().all(|method| outer.methods.contains(method));
    let prefixed = |path: &String| outer.paths.iter().any(|prefix| path.starts_with(prefix.as_str()));
    let paths = outer.paths.is_empty() || !inner.paths.is_empty() && inner.paths.iter().all(prefixed);
    methods && paths
}

/// The monitor has no way to a repository but a rule of the gate's.
pub(crate) fn repos(document: &Document<'_>, policy: &Policy) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, repo) in policy.repos.iter().enumerate() {
        let number = (index + 1).to_string();
        let place = Value::at(document, &["repo", &number, "url"]);
        if let Some(first) = seen.insert(repo.url.trim_end_matches('/'), index + 1) {
            place.refuse::<()>(format!("watched already, by repo {first}"), "remove one");
        }
        if let Some((problem, mend)) = unreachable(policy, repo) {
            place.refuse::<()>(problem, mend);
        }
    }
}

/// Why git could not ask for a repository's refs: it sends a GET and, since protocol 2, a POST below the path.
fn unreachable(policy: &Policy, repo: &Repo) -> Option<(String, String)> {
    let host = &repo.host;
    let path = repo.url.strip_prefix("https://").and_then(|rest| rest.find('/').and_then(|slash| rest.get(slash..)));
    let below = format!("{}/", path.unwrap_or_default().trim_end_matches('/'));
    let rules = policy.egress_to(NetworkName::MONITOR, host);
    if rules.is_empty() {
        let mend = format!("add [[egress]] with host = {host:?} and clients = [\"monitor\"]");
        return Some((format!("the monitor has no way to {host}"), mend));
    }
    let missing = ["GET", "POST"].into_iter().find(|method| !rules.iter().any(|rule| rule.allows(method, &below)));
    missing.map(|method| {
        let mend =
            format!("add {method:?} to the methods, and {below:?} to the paths, of an [[egress]] rule for {host}");
        (format!("no rule lets the monitor {method} below {below}"), mend)
    })
}

/// The monitor asks the model, through the gate, which holds the key.
pub(crate) fn classify(document: &Document<'_>, policy: &Policy) {
    let Some(classify) = &policy.classify else { return };
    let rules = policy.egress_to(NetworkName::MONITOR, &classify.host);
    let serves = |rule: &&Egress| rule.credential.is_some() && rule.allows("POST", &classify.path);
    if !rules.iter().any(serves) {
        let problem = format!("no rule lets the monitor POST to {} with a key of the gate's", classify.url);
        let mend = format!(
            "add [[egress]] with host = {:?}, clients = [\"monitor\"], methods = [\"POST\"], paths = [{:?}] and a credential",
            classify.host, classify.path
        );
        Value::at(document, &["classify", "url"]).refuse::<()>(problem, mend);
    }
}
