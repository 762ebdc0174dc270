//! What of the composition can be touched: its containers, networks, volumes and folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use engine::models::Network;
use policy::{Policy, Service};

use super::super::facts::{Facts, Mounted};
use super::entered::{Host, entered};
use crate::paths;

/// What is ours on the engine, and a stranger may not touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Composition {
    /// Id and name of our containers.
    containers: BTreeMap<String, String>,
    /// Networks, by Docker's name of them, that lead to one of ours.
    pub(super) networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
    /// Folders and files of ours: what holds one touches it, and so does what lies in one.
    folders: BTreeSet<PathBuf>,
    /// Namespaces of the host's and of ours.
    pub(super) host: Host,
    /// Why not all of it is known: who touches nothing of the rest may touch this.
    pub(super) untold: Option<String>,
}

/// Docker's built-in networks that lead to no container of ours.
const NOWHERE: [&str; 2] = ["none", "host"];

impl Composition {
    /// From our containers, from the networks that there are, and from where the engine keeps all that is its own.
    pub(crate) fn of(policy: &Policy, ours: &[&Facts], networks: &[Network], engine_root: Option<&Path>) -> Self {
        let guarded = policy.networks.values().map(policy::Network::docker_name);
        let on_bridge = networks.iter().filter(|network| is_on_bridge(network, policy));
        let joined = ours.iter().flat_map(|one| one.networks.iter().flatten().cloned());
        let all = guarded.chain(on_bridge.filter_map(|network| network.name.clone())).chain(joined);
        let mounts = ours.iter().flat_map(|one| one.mounts.iter().flatten());
        Self {
            containers: ours.iter().map(|one| (one.id.clone(), one.name.clone())).collect(),
            networks: all.filter(|name| !NOWHERE.contains(&name.as_str())).collect(),
            volumes: mounts.filter_map(|mount| mount.volume.clone()).collect(),
            folders: folders(policy, engine_root),
            host: Host::default(),
            untold: engine_root.is_none().then(|| "the engine did not tell where it keeps containers".to_owned()),
        }
    }

    /// The same, where more of it is not known.
    pub(crate) fn but_for(self, why: Option<String>) -> Self {
        Self { untold: why.or(self.untold), ..self }
    }

    /// The same, with the namespaces that nobody else may be in. `untold` says why some of ours are not among them.
    pub(crate) fn take_host(&mut self, host: Host, untold: Option<String>) {
        self.host = host;
        self.untold = untold.or(self.untold.take());
    }

    /// Is this the id of one of ours?
    pub(crate) fn has(&self, id: &str) -> bool {
        self.containers.contains_key(id)
    }

    /// Is one of its processes in a namespace of the host's or of ours of which Docker was told nothing?
    pub(crate) fn is_entered(&self, one: &Facts) -> bool {
        let modes = [("network", &one.host.network_mode), ("pid", &one.host.pid_mode), ("ipc", &one.host.ipc_mode)];
        let foreign = |mode: &str| mode == "host" || mode.starts_with("container:");
        let declared = modes.iter().filter(|(_, mode)| mode.as_deref().is_some_and(foreign));
        let declared: Vec<String> = declared.map(|(word, _)| format!("{word} namespace")).collect();
        !entered(one, self, &declared).is_empty()
    }

    /// The name of one of ours, by its id, or by its name as somebody wrote it.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        let is_it = |(full, name): &(&String, &String)| *name == id || (id.len() >= SHORTEST && full.starts_with(id));
        self.containers.iter().find(is_it).map(|(_, name)| name.as_str())
    }

    /// What a mount of a stranger's has of ours.
    pub(super) fn mount(&self, mount: &Mounted) -> Option<String> {
        let Mounted { source, volume, kind, writable, .. } = mount;
        let note = if *writable { "" } else { ", read-only" };
        if let Some(volume) = volume.as_ref().filter(|volume| self.volumes.contains(*volume)) {
            return Some(format!("the volume {volume}{note}"));
        }
        let bound = kind == "bind" && source.is_absolute();
        let folder = self.folders.iter().find(|folder| folder.starts_with(source) || source.starts_with(folder));
        let ours = folder.filter(|_| bound).map(|folder| {
            let word = if folder.starts_with(source) { "holds" } else { "lies in" };
            format!("{}, which {word} {}{note}", source.display(), folder.display())
        });
        let started = MAKES_ROOT.iter().find(|at| Path::new(at).starts_with(source) || source.starts_with(at));
        let host = started.filter(|_| bound && *writable);
        ours.or_else(|| host.map(|at| format!("{}, by which it can write {at} of the host", source.display())))
    }
}

/// What the host runs or believes: who can write one of these is root there, and so reaches all of it. Other folders of
/// `/etc` or of a home are what many a harmless container is given.
const MAKES_ROOT: &[&str] = &[
    "/bin",
    "/boot",
    "/etc/cron.d",
    "/etc/crontab",
    "/etc/ld.so.preload",
    "/etc/pam.d",
    "/etc/passwd",
    "/etc/profile.d",
    "/etc/shadow",
    "/etc/ssh",
    "/etc/sudoers.d",
    "/etc/systemd",
    "/lib",
    "/root/.ssh",
    "/sbin",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/var/lib/containerd",
    "/var/spool/cron",
];

/// Docker's short form of an id.
const SHORTEST: usize = 12;

/// A network on a bridge that the moat guards, whatever it is called: its own, or one that a macvlan stands on.
fn is_on_bridge(network: &Network, policy: &Policy) -> bool {
    let option = |name: &str| network.options.as_ref().and_then(|options| options.get(name));
    let device = option("com.docker.network.bridge.name").or_else(|| option("parent"));
    let is_it = |bridge: &str| device.is_some_and(|device| device.split('.').next() == Some(bridge));
    policy.networks.values().any(|network| is_it(&network.bridge.to_string()))
}

/// What the policy names, what our tools make beside it, and the containers' own files.
fn folders(policy: &Policy, engine_root: Option<&Path>) -> BTreeSet<PathBuf> {
    let own = [
        policy.cell.share.path.clone(),
        policy.cell.share.mount_point(),
        policy.warden.jail.path.clone(),
        policy.audit.directory.clone(),
        policy.rendered(),
        policy.root.join("vault"),
        policy.origin.clone(),
        policy.permit(),
        paths::signatures(policy),
    ];
    let engine = engine_root.into_iter().flat_map(|root| ["containers", "overlay2"].map(|part| root.join(part)));
    let all = own.into_iter().chain(engine);
    all.map(|path| path.canonicalize().unwrap_or(path)).collect()
}

/// Is this container one of the policy's?
pub(crate) fn is_ours(policy: &Policy, name: &str) -> bool {
    Service::ALL.iter().any(|&service| policy.container(service) == name)
}
