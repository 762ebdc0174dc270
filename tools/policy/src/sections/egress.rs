//! `[[egress]]`: one name of the outside world, who may ask for it, and what.

use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::sections::proxy::MOST_BURST;
use crate::types::host::MOST_BYTES;
use crate::types::name;
use crate::{Bytes, HostPattern, NetworkName, Rate};

/// One rule of the gate's allowlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// The name, canonical, or `*.` and a name below a public suffix.
    pub host: HostPattern,
    /// The networks that may ask for it; never empty, sorted, without repeats.
    pub clients: Vec<NetworkName>,
    /// Allowed methods, upper case; empty means all. Always empty with `Tls::Passthrough`.
    pub methods: Vec<String>,
    /// Allowed path prefixes, each beginning with `/`; empty means all. Always empty with `Tls::Passthrough`.
    pub paths: Vec<String>,
    /// Who opens the TLS session to the outside.
    pub tls: Tls,
    /// Name of the key that the gate adds, as given to `sandboxctl secret put NAME`; never with `Tls::Passthrough`.
    /// The key is the header's whole value.
    pub credential: Option<String>,
    /// The header that carries the key, lower case; `authorization` unless said otherwise.
    pub header: String,
    /// What happens to a request that brings that header itself.
    pub authorization: Authorization,
    /// Requests each client may make to this name; `None` means the gate's own.
    pub rate: Option<Rate>,
    /// Requests above the rate; `None` means the gate's own.
    pub burst: Option<u32>,
    /// The largest request body; `None` means the gate's own.
    pub body: Option<Bytes>,
}

impl Egress {
    /// The folder beside the credentials that holds the keys of opened names. `sandboxctl cert inspect` empties it with
    /// all that is in it, so no credential is called so.
    pub const LEAVES: &'static str = "inspect";

    /// Whether the members of this network find the name at the gate: it is listed as a client. On the network `model`
    /// that is what the cell is listed for, by the gate's key or TLS.
    pub fn lists(&self, client: &str) -> bool {
        let listed = |client: &str| self.clients.iter().any(|name| name == client);
        if client == NetworkName::MODEL {
            (self.credential.is_some() || self.tls == Tls::Inspect) && listed(NetworkName::CELL)
        } else {
            listed(client)
        }
    }

    /// A second name of the host's on port 80 of the gate. The same rules hold there. It is for an agent that sends
    /// the host's own name nothing over plain HTTP. `None` for a wildcard, and for whoever is not the cell. `None` too
    /// where the gate does not begin the TLS, and where the name would be too long for DNS.
    pub fn door(&self, client: &str) -> Option<String> {
        let is_cell = [NetworkName::CELL, NetworkName::MODEL].contains(&client) && self.lists(client);
        let is_plain = self.tls == Tls::Verify && !self.host.is_wildcard();
        let door = format!("{}.{}", self.host, HostPattern::DOORS);
        (is_cell && is_plain && door.len() <= MOST_BYTES).then_some(door)
    }

    /// Whether a request of this method for this path passes. The path is compared byte by byte, as the
    /// client sent it: whoever asks has refused encodings and dot segments before.
    pub fn allows(&self, method: &str, path: &str) -> bool {
        let method_passes = self.methods.is_empty() || self.methods.iter().any(|allowed| allowed == method);
        let path_passes = self.paths.is_empty() || self.paths.iter().any(|prefix| path.starts_with(prefix.as_str()));
        method_passes && path_passes
    }
}

/// Who opens the TLS session to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP inside, and the gate opens verified TLS (chain, name, SNI) outside.
    Verify,
    /// The client's own TLS, let through by its SNI; the gate sees no request.
    Passthrough,
    /// The cell's TLS ends at the gate, which shows a certificate of Cellblock's own, and opens verified TLS outside.
    Inspect,
}

/// What the gate does with a header of the client's that it would set itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authorization {
    /// The client's is dropped, the gate's is sent.
    #[default]
    Replace,
    /// The request is refused.
    Refuse,
}

const MODES: [(&str, Tls); 3] = [("verify", Tls::Verify), ("passthrough", Tls::Passthrough), ("inspect", Tls::Inspect)];
const AUTHORIZATIONS: [(&str, Authorization); 2] =
    [("replace", Authorization::Replace), ("refuse", Authorization::Refuse)];
/// What needs a look into the request, which the gate has not when the client's own TLS passes through.
const NEEDS_VERIFY: [&str; 8] = ["methods", "paths", "credential", "header", "authorization", "rate", "burst", "body"];

pub(crate) fn read(section: &Section<'_>) -> Option<Egress> {
    let host = section.required("host", Value::parsed::<HostPattern>);
    let clients = section.required("clients", |value| {
        let mut clients = value.list(1..=32, Value::parsed::<NetworkName>)?;
        clients.sort();
        clients.dedup();
        Some(clients)
    });
    let methods = section.or("methods", Vec::new(), |value| value.list(1..=16, method));
    let paths = section.or("paths", Vec::new(), |value| value.list(1..=1000, path_prefix));
    let tls = section.or("tls", Tls::Verify, |value| value.word(&MODES));
    let credential = section.optional("credential", key_name);
    let header = section.or("header", "authorization".to_owned(), header_name);
    let authorization = section.or("authorization", Authorization::Replace, |value| {
        let known = value.as_text().is_some_and(|text| AUTHORIZATIONS.iter().any(|(word, _)| *word == text));
        if known { value.word(&AUTHORIZATIONS) } else { pasted(value, "neither \"replace\" nor \"refuse\"") }
    });
    let rate = section.optional("rate", Value::parsed);
    let burst = section.optional("burst", |value| value.integer(0..=MOST_BURST));
    let body = section.optional("body", Bytes::read);
    let rule = Egress {
        host: host?,
        clients: clients?,
        methods: methods?,
        paths: paths?,
        tls: tls?,
        credential: credential?,
        header: header?,
        authorization: authorization?,
        rate: rate?,
        burst: burst?,
        body: body?,
    };
    enforceable(section, &rule).then_some(rule)
}

/// Whether the gate can do what the keys of one rule say together.
fn enforceable(section: &Section<'_>, rule: &Egress) -> bool {
    let blind = NEEDS_VERIFY.into_iter().filter(|key| rule.tls == Tls::Passthrough && section.has(key)).map(|key| {
        let problem = "cannot be enforced with tls = \"passthrough\": the gate sees no request, only the name";
        section.refuse::<()>(key, problem, "remove it, or write tls = \"verify\"")
    });
    let blind = blind.count();
    let keyless = ["header", "authorization"]
        .into_iter()
        .filter(|key| rule.credential.is_none() && section.has(key))
        .map(|key| {
            section.refuse::<()>(
                key,
                "says how a key is sent, and there is none",
                "add credential = \"NAME\", or remove it",
            )
        });
    let keyless = keyless.count();
    let spread = rule.credential.is_some() && rule.host.is_wildcard();
    if spread {
        let problem = format!("would be sent to every host below {}", rule.host.name());
        section.refuse::<()>("credential", problem, "name the one host that the key is for");
    }
    blind == 0 && keyless == 0 && !spread && inspectable(section, rule)
}

/// A certificate is made for one name, and only the cell is told to trust it.
fn inspectable(section: &Section<'_>, rule: &Egress) -> bool {
    if rule.tls != Tls::Inspect {
        return true;
    }
    let stranger = rule.clients.iter().find(|client| **client != NetworkName::CELL);
    if let Some(client) = stranger {
        let problem = format!("tls = \"inspect\" is for the cell: {client} does not trust the gate's certificates");
        section.refuse::<()>(
            "clients",
            problem,
            "list the cell alone, and other clients in a rule with tls = \"verify\"",
        );
    }
    if rule.host.is_wildcard() {
        let problem = "cannot be opened by the gate: a certificate is made for one name, and these are many";
        section.refuse::<()>("host", problem, "name each host in a rule of its own, or write tls = \"passthrough\"");
    }
    stranger.is_none() && !rule.host.is_wildcard()
}

fn method(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let is_token = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    match text {
        "CONNECT" | "TRACE" => value.refuse(format!("the gate never passes {text}"), "remove it"),
        _ if is_token => Some(text.to_owned()),
        _ => value.refuse(format!("{} is no HTTP method", quoted(text)), "write it in capitals, such as \"GET\""),
    }
}

fn path_prefix(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let refuse = |problem: &str, mend: &str| value.refuse(format!("{} {problem}", quoted(text)), mend);
    if !text.starts_with('/') {
        return refuse("is no path prefix", "begin it with '/'");
    }
    if text.contains('%') {
        return refuse("is percent-encoded: the gate compares paths as they are", "write the plain characters");
    }
    if text.split('/').any(|segment| segment == ".." || segment == ".") || text.contains("//") {
        return refuse(
            "has a dot segment or an empty one, which no request passes with",
            "write where it really leads",
        );
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~@:+,=".contains(&byte));
    if !plain || text.len() > 1024 {
        return refuse(
            "has characters that a rule cannot hold, or too many",
            "write letters, digits and -._~@:+,= between slashes",
        );
    }
    Some(text.to_owned())
}

/// Refuses what may well be a key, pasted where none belongs, without showing it.
fn pasted<T>(value: &Value<'_>, problem: &str) -> Option<T> {
    let mend =
        "a key itself never stands here: give it to `sandboxctl secret put NAME`, and write credential = \"NAME\"";
    value.refuse_unseen(problem, mend)
}

/// A name that is also a file's name in the gate's memory file system.
fn key_name(value: &Value<'_>) -> Option<String> {
    let text = value.as_text().unwrap_or_default();
    if text == Egress::LEAVES {
        let problem = "\"inspect\" is the gate's folder for the certificates of names with tls = \"inspect\"";
        return value.refuse(problem, "give the key another name");
    }
    if name::KEY.allows(text) {
        return Some(text.to_owned());
    }
    pasted(value, "no name of a key, which is up to 64 of a-z, 0-9, '-' and '_'")
}

/// A header of the request that nginx does not need for itself.
fn header_name(value: &Value<'_>) -> Option<String> {
    const NGINX: [&str; 10] = [
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let header = value.as_text().unwrap_or_default().to_ascii_lowercase();
    if !name::HEADER.allows(&header) || NGINX.contains(&header.as_str()) || header.starts_with("proxy-") {
        return pasted(value, "no name of a header that can carry a key, such as \"x-api-key\"");
    }
    Some(header)
}
