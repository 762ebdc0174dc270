//! What Tailscale serves: its `ipn.ServeConfig`, as `tailscale serve status --json` prints it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Doors;

/// Deeper than the program itself nests it nothing is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Serve {
    #[serde(rename = "TCP", default)]
    tcp: Option<BTreeMap<String, Forward>>,
    #[serde(rename = "Web", default)]
    web: Option<BTreeMap<String, Web>>,
    /// `host:port` of what the whole internet may ask for.
    #[serde(rename = "AllowFunnel", default)]
    funnel: Option<BTreeMap<String, bool>>,
    /// What runs in the foreground of somebody's terminal, and what is served as a service of its own.
    #[serde(rename = "Foreground", default)]
    foreground: Option<BTreeMap<String, Serve>>,
    #[serde(rename = "Services", default)]
    services: Option<BTreeMap<String, Serve>>,
}

#[derive(Debug, Deserialize)]
struct Forward {
    #[serde(rename = "TCPForward", default)]
    to: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Web {
    #[serde(rename = "Handlers", default)]
    handlers: Option<BTreeMap<String, Handler>>,
}

#[derive(Debug, Deserialize)]
struct Handler {
    #[serde(rename = "Proxy", default)]
    to: Option<String>,
}

impl Serve {
    /// Everything that leads to a container, but the vault's port served in the tailnet.
    ///
    /// # Errors
    /// What is served that is not understood.
    pub(super) fn exposed(&self, doors: &Doors) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        for (port, to) in self.targets() {
            let public = self.is_public(&port);
            let not_understood = || format!("serve on {port} leads to {to:?}, which is not understood");
            let (host, inner) = split(&to).ok_or_else(not_understood)?;
            if doors.leads_in(&host, inner) && (public || !doors.is_vault(&host, inner)) {
                let way = if public { "funnel, to the whole internet," } else { "serve" };
                found.push(format!("{way} on {port} leads to {host}:{inner}"));
            }
        }
        let more = self.foreground.iter().chain(&self.services).flat_map(BTreeMap::values);
        for inner in more {
            found.extend(inner.exposed(doors)?);
        }
        Ok(found)
    }

    /// The port that is served, and where it leads.
    fn targets(&self) -> Vec<(String, String)> {
        let tcp = self.tcp.iter().flatten().filter_map(|(port, forward)| Some((port.clone(), forward.to.clone()?)));
        let web = self.web.iter().flatten().flat_map(|(at, web)| {
            let port = at.rsplit(':').next().unwrap_or(at).to_owned();
            web.handlers.iter().flatten().filter_map(move |(_, handler)| Some((port.clone(), handler.to.clone()?)))
        });
        tcp.chain(web).collect()
    }

    fn is_public(&self, port: &str) -> bool {
        let mut open = self.funnel.iter().flatten().filter(|(_, open)| **open);
        open.any(|(at, _)| at.rsplit(':').next() == Some(port))
    }
}

/// `https+insecure://localhost:8443/x`, `127.0.0.1:8443`, `[::1]:80` or `3000`, which is a port of this host's.
fn split(target: &str) -> Option<(String, u16)> {
    let (scheme, rest) = target.split_once("://").unwrap_or(("", target));
    let rest = rest.split('/').next()?;
    if let Ok(port) = rest.parse() {
        return Some(("127.0.0.1".to_owned(), port));
    }
    let usual = if scheme.starts_with("https") { 443 } else { 80 };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => (host, port.parse().ok()?),
        _ => (rest, usual),
    };
    Some((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}
