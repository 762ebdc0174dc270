//! The whole policy, and what several parts derive from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{
    Audit, Ceiling, Cell, Classify, Egress, Moat, Network, NetworkName, Proxy, Repo, Service, Shape, Tls, Vault,
    Waiver, Warden,
};

/// A policy that can be enforced. It comes from [`Policy::load`] or [`Policy::parse`] only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// The file it came from.
    pub origin: PathBuf,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
    /// The project root: absolute; relative paths of the file were resolved against it.
    pub root: PathBuf,
    /// `[cell]`
    pub cell: Cell,
    /// `[networks]`, by name; also those that the current shape does not use.
    pub networks: BTreeMap<NetworkName, Network>,
    /// `[moat]`
    pub moat: Moat,
    /// `[proxy]`
    pub proxy: Proxy,
    /// `[[egress]]`
    pub egress: Vec<Egress>,
    /// `[[repo]]`
    pub repos: Vec<Repo>,
    /// `[warden]`
    pub warden: Warden,
    /// `[vault]`
    pub vault: Vault,
    /// `[audit]`
    pub audit: Audit,
    /// `[ceiling]`
    pub ceiling: Ceiling,
    /// `[classify]`, where there is one.
    pub classify: Option<Classify>,
    /// `[[waiver]]`
    pub waivers: Vec<Waiver>,
}

/// Where the permits of all installations are (file-hierarchy(7)).
pub const PERMITS: &str = "/run/cellblock";

/// Where a permit is put aside while the moat does not hold: whoever has it mounted keeps the file.
pub fn put_aside(permit: &Path) -> PathBuf {
    permit.with_extension("withdrawn")
}

impl Policy {
    /// The network of this name, also when the current shape does not use it.
    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.get(name)
    }

    /// The networks that exist in the current shape: all but two: `ingress` is there only when the cell is proxied.
    /// `model` is there only when it is open and the gate holds its key or opens its TLS.
    pub fn active_networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.values().filter(|network| match network.name.as_str() {
            NetworkName::INGRESS => self.cell.network == Shape::Proxied,
            NetworkName::MODEL => self.needs_model(),
            _ => true,
        })
    }

    /// Does the cell need the gate for a name, with no other way there? For its key, or its TLS.
    pub(crate) fn needs_model(&self) -> bool {
        self.cell.network == Shape::Open && self.egress_for(NetworkName::MODEL).next().is_some()
    }

    /// The networks whose members ask the gate in the current shape: internal ones with the gate on them.
    pub fn gate_clients(&self) -> impl Iterator<Item = &Network> {
        self.active_networks().filter(|network| network.internal && network.members.contains(&Service::Proxy))
    }

    /// The rules that list this network as a client, whether or not the current shape serves it.
    pub fn egress_for<'a>(&'a self, client: &'a str) -> impl Iterator<Item = &'a Egress> {
        self.egress.iter().filter(move |rule| rule.lists(client))
    }

    /// The rules that decide about a client's requests to a host: those of the most specific pattern that covers it.
    /// That is the name itself before a wildcard, and a longer wildcard before a shorter one. A request passes if one
    /// of them allows it; with none, the host does not exist for the client.
    pub fn egress_to<'a>(&'a self, client: &'a str, host: &str) -> Vec<&'a Egress> {
        let rules: Vec<&Egress> = self.egress_for(client).filter(|rule| rule.host.matches(host)).collect();
        let rank = |rule: &Egress| (!rule.host.is_wildcard(), rule.host.name().len());
        let best = rules.iter().map(|rule| rank(rule)).max();
        rules.into_iter().filter(|rule| Some(rank(rule)) == best).collect()
    }

    /// The names whose TLS the gate opens for the cell (`tls = "inspect"`), sorted, each once.
    pub fn inspected(&self) -> BTreeSet<&str> {
        self.egress.iter().filter(|rule| rule.tls == Tls::Inspect).map(|rule| rule.host.name()).collect()
    }

    /// The container name of a service.
    pub fn container(&self, service: Service) -> &str {
        match service {
            Service::Cell => &self.cell.container,
            other => other.as_str(),
        }
    }

    /// The waiver for this control and container, expired or not (see [`Waiver::holds_on`]).
    pub fn waiver(&self, control: &str, container: &str) -> Option<&Waiver> {
        self.waivers.iter().find(|waiver| waiver.control == control && waiver.container == container)
    }

    /// The file that is there while the moat holds, and without which Docker starts nothing of ours. It is mounted into
    /// the services, and what is not there can't be. Below `/run`, which is empty after a boot, in a folder of this
    /// installation's own; what tells one from another is where its share lies.
    pub fn permit(&self) -> PathBuf {
        let digest = Sha256::digest(self.cell.share.path.as_os_str().as_encoded_bytes());
        Path::new(PERMITS).join(hex::encode(digest.get(..8).unwrap_or_default())).join("moat")
    }

    /// Where configuration made from the policy goes: `<root>/rendered`.
    pub fn rendered(&self) -> PathBuf {
        self.root.join("rendered")
    }
}
