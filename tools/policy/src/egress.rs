//! `[[egress]]`: one name of the outside world, who may ask for it, and what.

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
    /// Name of the key that the gate adds, as given to `sandboxctl secret put NAME`; only with `Tls::Verify`.
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
    /// Whether this client's network is listed.
    pub fn lists(&self, client: &str) -> bool {
        self.clients.iter().any(|name| name == client)
    }
}

/// Who opens the TLS session to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP inside, and the gate opens verified TLS (chain, name, SNI) outside.
    Verify,
    /// The client's own TLS, let through by its SNI; the gate sees no request.
    Passthrough,
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
