//! The whole policy, and what several parts derive from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{
    Audit, Cell, Egress, Moat, Network, NetworkName, PolicyError, Proxy, Repo, Service, Shape,
    Vault, Waiver, Warden,
};

/// A policy that can be enforced. It comes from [`Policy::load`] or [`Policy::parse`] only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// The file it came from.
    pub origin: PathBuf,
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
    /// `[[waiver]]`
    pub waivers: Vec<Waiver>,
}

impl Policy {
    /// Reads a policy file. `root` is where its relative paths start; without it that is the folder above
    /// `compose/` for `…/compose/policy.toml`, else the policy's folder, and nothing for a policy in `/etc`,
    /// whose paths must be absolute.
    ///
    /// # Errors
    /// If the file cannot be read, is no regular file, is over 1 MiB or no UTF-8, or as [`Policy::parse`].
    pub fn load(path: &Path, root: Option<&Path>) -> Result<Self, PolicyError> {
        Err(PolicyError::unreadable(
            path,
            format!("no reader yet (root {root:?})"),
            "",
        ))
    }

    /// Reads a policy from its text. `origin` is what errors call it, `root` where relative paths start.
    ///
    /// # Errors
    /// Everything wrong with it, up to 20 faults, in the order of the text.
    pub fn parse(_text: &str, origin: &Path, root: &Path) -> Result<Self, PolicyError> {
        Self::load(origin, Some(root))
    }

    /// The network of this name, also when the current shape does not use it.
    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.get(name)
    }

    /// The networks that exist in the current shape: all, but `ingress` only when the cell is proxied.
    pub fn active_networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.values().filter(|network| {
            network.name != NetworkName::INGRESS || self.cell.network == Shape::Proxied
        })
    }

    /// The networks whose members ask the gate in the current shape: internal ones with the gate on them.
    pub fn gate_clients(&self) -> impl Iterator<Item = &Network> {
        self.active_networks()
            .filter(|network| network.internal && network.members.contains(&Service::Proxy))
    }

    /// The rules that list this network as a client, whether or not the current shape serves it.
    pub fn egress_for<'a>(&'a self, client: &'a str) -> impl Iterator<Item = &'a Egress> {
        self.egress.iter().filter(move |rule| rule.lists(client))
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
        self.waivers
            .iter()
            .find(|waiver| waiver.control == control && waiver.container == container)
    }

    /// Where configuration made from the policy goes: `<root>/rendered`.
    pub fn rendered(&self) -> PathBuf {
        self.root.join("rendered")
    }
}
