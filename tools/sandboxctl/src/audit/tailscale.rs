//! Tailscale on this host: the way in from elsewhere. It may lead to the vault's port and to no other container. Its
//! funnel lets the whole internet in, and may lead to none at all. Pure but for [`ask()`].

mod ask;
mod own;
mod serve;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use engine::models::ContainerSummary;
use ipnet::IpNet;
use policy::Policy;
use record::Severity::Critical;
use serde::Deserialize;

use super::control::{Control, Verdict};
use super::facts::Engine;
pub(super) use ask::ask;
pub(super) use own::Own;
use own::Place;
use serve::Serve;

/// The control: of the host that the engine is on.
pub(super) const CONTROL: Control<Engine> = Control::new(
    "cellblock-tailscale",
    "has beside it no Tailscale that exposes a container, but for the vault's port",
    Critical,
    "tailscale serve reset; tailscale funnel reset; then scripts/remote says how the vault is served",
    judge,
);

/// What was learnt of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tailnet {
    /// There is no such program here.
    NotInstalled,
    /// It is not connected, in its own word; nothing comes in by it.
    Stopped(String),
    /// What it exposes, in words.
    Exposes(Vec<String>),
}

fn judge(engine: &Engine) -> Verdict {
    match &engine.tailnet {
        None => Verdict::untold("Tailscale was not asked"),
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(Tailnet::NotInstalled)) => Verdict::holds("it is not installed, and was not asked"),
        Some(Ok(Tailnet::Stopped(state))) => Verdict::holds(format!("it is {state}")),
        Some(Ok(Tailnet::Exposes(found))) => Verdict::none_of("none but the vault's port", found),
    }
}

/// What leads to a container.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    /// The one that may be served.
    vault: SocketAddr,
    /// Ports of this host's that Docker publishes, and at which address; none is all.
    published: BTreeSet<(Option<IpAddr>, u16)>,
    /// The subnets of our containers.
    subnets: Vec<IpNet>,
    /// The addresses of every container.
    containers: BTreeSet<IpAddr>,
    /// What this host is called.
    own: Own,
}

impl Doors {
    /// Of the policy, all containers, and the host.
    pub(super) fn of(policy: &Policy, listed: &[ContainerSummary], own: Own) -> Self {
        let ports = listed.iter().flat_map(|one| one.ports.iter().flatten());
        let at = |text: Option<&String>| {
            text.and_then(|text| text.parse().ok()).filter(|address: &IpAddr| !address.is_unspecified())
        };
        let settings = listed.iter().filter_map(|one| one.network_settings.as_ref()?.networks.as_ref());
        let ends = settings.flat_map(|networks| networks.values());
        let nets = policy.networks.values().flat_map(|network| [network.v4.into(), network.v6.into()]);
        Self {
            vault: policy.vault.listen,
            published: ports.filter_map(|port| Some((at(port.ip.as_ref()), port.public_port?))).collect(),
            subnets: nets.collect(),
            containers: ends
                .flat_map(|end| [at(end.ip_address.as_ref()), at(end.global_ipv6_address.as_ref())])
                .flatten()
                .collect(),
            own,
        }
    }

    /// Is a container behind this? A name that is none of this host's leads elsewhere.
    fn leads_in(&self, host: &str, port: u16) -> bool {
        match self.own.place(host) {
            Place::Here => self.is_open(None, port),
            Place::HereAt(address) => self.is_inside(address) || self.is_open(Some(address), port),
            Place::Elsewhere(address) => self.is_inside(address),
            Place::Unknown => false,
        }
    }

    fn is_inside(&self, address: IpAddr) -> bool {
        self.subnets.iter().any(|net| net.contains(&address)) || self.containers.contains(&address)
    }

    /// Is a container behind this port of the host's, at this address or, without one, at any?
    fn is_open(&self, address: Option<IpAddr>, port: u16) -> bool {
        let vault = (Some(self.vault.ip()), self.vault.port());
        let meets = |at: &Option<IpAddr>| at.is_none() || address.is_none() || *at == address;
        self.published.iter().chain([&vault]).any(|(at, open)| *open == port && meets(at))
    }

    fn is_vault(&self, host: &str, port: u16) -> bool {
        let here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address == self.vault.ip());
        here && port == self.vault.port()
    }
}

/// `tailscale status --json`, as far as it matters.
#[derive(Debug, Deserialize)]
struct Status {
    #[serde(rename = "BackendState")]
    state: String,
    #[serde(rename = "Self")]
    own: Option<Node>,
}

#[derive(Debug, Default, Deserialize)]
struct Node {
    #[serde(rename = "DNSName", default)]
    name: Option<String>,
    #[serde(rename = "TailscaleIPs", default)]
    addresses: Option<Vec<IpAddr>>,
    /// Routes that others send through this node.
    #[serde(rename = "PrimaryRoutes", default)]
    routes: Option<Vec<String>>,
}

/// From what `status --json` and `serve status --json` print.
///
/// # Errors
/// If one of them is not in the shape that is known here.
fn parse(status: &str, serve: &str, doors: &Doors) -> Result<Tailnet, String> {
    let odd = |what: &str, error: &serde_json::Error| format!("{what} is not in the shape that is known here: {error}");
    let status: Status = serde_json::from_str(status).map_err(|error| odd("tailscale status --json", &error))?;
    if status.state != "Running" {
        return Ok(Tailnet::Stopped(status.state));
    }
    let serve: Option<Serve> = match serve.trim() {
        "" => None,
        text => serde_json::from_str(text).map_err(|error| odd("tailscale serve status --json", &error))?,
    };
    let node = status.own.unwrap_or_default();
    let own = doors.own.also(node.addresses.as_deref().unwrap_or_default(), node.name.as_deref().unwrap_or_default());
    let doors = &Doors { own, ..doors.clone() };
    let routes = node.routes.unwrap_or_default();
    let routes: Vec<IpNet> = routes
        .iter()
        .map(|route| route.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("tailscale status --json has a route that is none: {error}"))?;
    // A default route is an exit node's: what comes by it to a container the moat drops.
    let ours = routes.into_iter().filter(|route| {
        route.prefix_len() > 0 && doors.subnets.iter().any(|net| net.contains(route) || route.contains(net))
    });
    let mut found: Vec<String> = ours.map(|route| format!("the route {route} to the containers")).collect();
    found.extend(serve.map(|serve| serve.exposed(doors)).transpose()?.unwrap_or_default());
    Ok(Tailnet::Exposes(found))
}

#[cfg(test)]
mod tests;
