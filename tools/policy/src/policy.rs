//! The whole policy, and what several parts derive from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::document::{Document, Root};
use crate::error::Cause;
use crate::locate::ProjectRoot;
use crate::regular_file::{self, Unreadable};
use crate::{
    Audit, Cell, Classify, Egress, Moat, Network, NetworkName, PolicyError, Proxy, Repo, Service, Shape, Vault, Waiver,
    Warden,
};
use crate::{audit, cell, classify, crosscheck, egress, moat, networks, proxy, repo, schema, vault, waiver, warden};

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
    /// `[classify]`, where there is one.
    pub classify: Option<Classify>,
    /// `[[waiver]]`
    pub waivers: Vec<Waiver>,
}

/// Where the permits of all installations are (file-hierarchy(7)).
pub const PERMITS: &str = "/run/cellblock";

/// The largest policy taken, in bytes.
const MOST_BYTES: u64 = 1 << 20;

impl Policy {
    /// Reads a policy file. `root` is where its relative paths start; without it that is the folder above
    /// `compose/` for `…/compose/policy.toml`, `/var/lib/cellblock` for a package's `/etc/cellblock/policy.toml`, else
    /// the policy's folder. In a policy under `/etc` paths must be absolute unless `root` is given.
    ///
    /// # Errors
    /// If the file cannot be read, is no regular file, is over 1 MiB or no UTF-8, if `root` is no folder,
    /// or as [`Policy::parse`].
    pub fn load(path: &Path, root: Option<&Path>) -> Result<Self, PolicyError> {
        let text = regular_file::read(path, MOST_BYTES)
            .map_err(|Unreadable(invalid)| PolicyError::unreadable(path, invalid.problem, invalid.mend))?;
        let project = ProjectRoot::of(path, root)?;
        Self::read(&text, path, Root { path: &project.path, relative: project.relative })
    }

    /// Reads a policy from its text. `origin` is what errors call it, `root` where relative paths start
    /// (made absolute against the working directory).
    ///
    /// # Errors
    /// Everything that is wrong with it, up to 20 faults, in the order of the text.
    pub fn parse(text: &str, origin: &Path, root: &Path) -> Result<Self, PolicyError> {
        if text.len() as u64 > MOST_BYTES {
            let problem = format!("larger than {}", crate::Bytes(MOST_BYTES));
            return Err(PolicyError::unreadable(origin, problem, "is this the right file?"));
        }
        let root = std::path::absolute(root)
            .map_err(|error| PolicyError::unreadable(origin, format!("the project root: {error}"), "name a folder"))?;
        Self::read(text, origin, Root { path: &root, relative: true })
    }

    fn read(text: &str, origin: &Path, root: Root<'_>) -> Result<Self, PolicyError> {
        let document = Document::parse(text, root);
        // A syntax error leaves a tree with holes in it: what is missing there is no fault of its own.
        let policy = if document.is_faulty() { None } else { sections(&document, origin, text) };
        if let Some(policy) = &policy {
            crosscheck::all(&document, policy);
        }
        match policy {
            Some(policy) if !document.is_faulty() => Ok(policy),
            _ => {
                let (faults, left_out) = document.into_faults();
                Err(PolicyError { origin: origin.to_owned(), cause: Cause::Faults { faults, left_out } })
            }
        }
    }

    /// The network of this name, also when the current shape does not use it.
    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.get(name)
    }

    /// The networks that exist in the current shape: all, but `ingress` only when the cell is proxied, and `model` only
    /// when it is open and the gate holds a key for it.
    pub fn active_networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.values().filter(|network| match network.name.as_str() {
            NetworkName::INGRESS => self.cell.network == Shape::Proxied,
            NetworkName::MODEL => self.needs_model(),
            _ => true,
        })
    }

    /// Whether the cell reaches a name by a key that the gate holds, and has no other way to the gate.
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

    /// The rules that decide about a client's requests to a host: those of the most specific pattern that
    /// covers it (the name itself before a wildcard, a longer wildcard before a shorter one). A request passes
    /// if one of them allows it; with none, the host does not exist for the client.
    pub fn egress_to<'a>(&'a self, client: &'a str, host: &str) -> Vec<&'a Egress> {
        let rules: Vec<&Egress> = self.egress_for(client).filter(|rule| rule.host.matches(host)).collect();
        let rank = |rule: &Egress| (!rule.host.is_wildcard(), rule.host.name().len());
        let best = rules.iter().map(|rule| rank(rule)).max();
        rules.into_iter().filter(|rule| Some(rank(rule)) == best).collect()
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

    /// The file that is there while the moat holds, and without which Docker starts nothing of ours: it is mounted into
    /// the services, and what is not there can't be. Below `/run`, which is empty after a boot, in a folder of this
    /// installation's own; what tells one from another is where its share lies.
    pub fn permit(&self) -> PathBuf {
        let digest = Sha256::digest(self.cell.share.path.as_os_str().as_encoded_bytes());
        Path::new(PERMITS).join(hex(digest.get(..8).unwrap_or_default())).join("moat")
    }

    /// Where configuration made from the policy goes: `<root>/rendered`.
    pub fn rendered(&self) -> PathBuf {
        self.root.join("rendered")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads every section, so that faults in one do not hide those in another.
fn sections(document: &Document<'_>, origin: &Path, text: &str) -> Option<Policy> {
    let top = document.top();
    let cell = top.required("cell", |value| cell::read(&value.section(&schema::CELL)?));
    let shape = cell.as_ref().map_or(Shape::Open, |cell| cell.network);
    let networks = top.required("networks", |value| networks::read(value, shape));
    let moat = top.table("moat", &schema::MOAT, moat::read);
    let proxy = top.table("proxy", &schema::PROXY, proxy::read);
    let egress = top.tables("egress", &schema::EGRESS, egress::read);
    let repos = top.tables("repo", &schema::REPO, repo::read);
    let warden = top.table("warden", &schema::WARDEN, warden::read);
    let vault = top.table("vault", &schema::VAULT, vault::read);
    let audit = top.table("audit", &schema::AUDIT, audit::read);
    let classify = top.optional("classify", |value| classify::read(&value.section(&schema::CLASSIFY)?));
    let waivers = top.tables("waiver", &schema::WAIVER, waiver::read);
    Some(Policy {
        origin: origin.to_owned(),
        sha256: hex(&Sha256::digest(text)),
        root: document.root().path.to_owned(),
        cell: cell?,
        networks: networks?,
        moat: moat?,
        proxy: proxy?,
        egress: egress?,
        repos: repos?,
        warden: warden?,
        vault: vault?,
        audit: audit?,
        classify: classify?,
        waivers: waivers?,
    })
}
