//! What the engine told of a container, an image and itself, reduced to what controls rest on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use engine::models::{ContainerConfig, ContainerInspectResponse, HealthStatusEnum, HostConfig, PortMap, SystemInfo};

use jiff::Timestamp;

use super::content::layers::Layers;
use super::content::{Searched, compose};
use super::expect::Expect;
use super::image::{BASE_DIGEST, History};
use super::in_force::InForce;
use super::kernel::Kernel;
use super::leak::{self, Leak, Rules, Texts};
use super::listening::Listening;
use super::process::Confined;
use super::tailscale::Tailnet;
use engine::Version;

/// Why nothing can be said where an absent list would read as an empty one ([`Facts::told`]).
pub(crate) const SILENT: &str = "the engine told nothing of what the container was given";

/// All that a control of a container may ask.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) facts: Facts,
    pub(crate) expect: Expect,
    pub(crate) engine: Engine,
    /// The id that the image's name has now.
    pub(crate) image: Option<String>,
    /// How its image came to be, or why that is not known; `None` where it was not asked.
    pub(crate) history: Option<Result<History, String>>,
    /// What is in the layers of its image, or why that is not known; `None` where nobody asked for it.
    pub(crate) layers: Option<Result<Layers, String>>,
    /// In which ways it can touch the composition, or why that is not known; `None` for a container of ours.
    pub(crate) reach: Option<Result<Vec<String>, String>>,
}

impl Subject {
    /// All the secrets that were found in it and in its image.
    pub(super) fn leaks_mut(&mut self) -> impl Iterator<Item = &mut Leak> {
        let history = self.history.as_mut().and_then(|history| history.as_mut().ok());
        let layers = self.layers.as_mut().and_then(|layers| layers.as_mut().ok());
        let Facts { leaks, given, composed, .. } = &mut self.facts;
        let files = [given, composed].into_iter().flatten().flat_map(|searched| &mut searched.leaks);
        let image = history.into_iter().flat_map(|history| &mut history.leaks);
        leaks.iter_mut().chain(files).chain(image).chain(layers.into_iter().flat_map(Layers::leaks_mut))
    }
}

/// A container. `None` is what the engine did not tell.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The image's name, as it was asked for.
    pub(crate) image: Option<String>,
    pub(crate) image_id: Option<String>,
    /// The digest of the base that its image says it was made from.
    pub(crate) base: Option<String>,
    pub(crate) user: Option<String>,
    /// Where it holds a secret that everybody who may ask the engine reads. The values are looked at once, and not
    /// kept.
    pub(super) leaks: Vec<Leak>,
    /// The Compose files that it says it was made by.
    pub(crate) compose: compose::Labels,
    /// What those files have of secrets; `None` where there is none here.
    pub(crate) composed: Option<Searched>,
    /// The same of single files that are mounted into it.
    pub(crate) given: Option<Searched>,
    /// Variables that name an engine.
    pub(crate) engines: Vec<String>,
    pub(crate) running: Option<bool>,
    /// When it was started last.
    pub(crate) started: Option<Timestamp>,
    pub(crate) has_health_check: bool,
    pub(crate) health: Option<HealthStatusEnum>,
    pub(crate) networks: Option<BTreeSet<String>>,
    /// The ids of those networks, as far as the engine told them.
    pub(crate) network_ids: BTreeSet<String>,
    pub(crate) mounts: Option<Vec<Mounted>>,
    /// Its first process on this host, while it runs.
    pub(crate) pid: Option<i64>,
    /// What the kernel has mounted in it; `None` where it does not run.
    pub(crate) kernel: Option<Result<Kernel, String>>,
    /// The namespaces that its processes are in, kind and inode; `None` where nobody looked.
    pub(crate) spaces: Option<Result<BTreeSet<(&'static str, String)>, String>>,
    /// What the kernel lets its processes do; `None` where it does not run.
    pub(crate) processes: Option<Result<Vec<Confined>, String>>,
    /// The limits that the kernel enforces on it; `None` where it does not run.
    pub(crate) in_force: Option<Result<InForce, String>>,
    /// Who listens in it; `None` where it does not run.
    pub(crate) listening: Option<Result<Listening, String>>,
    /// Ports that the image or its starter said it opens: `22/tcp`.
    pub(crate) exposed: Vec<String>,
    /// The file behind the cell's share, as far as it is a loop device.
    pub(crate) share_image: Option<PathBuf>,
    /// Disks of the host's that it was given.
    pub(crate) disks: Vec<String>,
    /// Sources of mounts that lead to an engine's socket.
    pub(crate) sockets: BTreeSet<PathBuf>,
    /// What is published: address (empty: all) and port of the host.
    pub(crate) published: Vec<(String, String)>,
    pub(crate) apparmor: Option<String>,
    /// Commands that `docker exec` runs in it now; their ids first, then what was asked about them.
    pub(crate) exec_ids: Vec<String>,
    pub(crate) execs: Vec<Exec>,
    pub(crate) host: HostConfig,
}

/// One life of a container: it has another network namespace in the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) id: String,
    pub(crate) started: Option<Timestamp>,
}

/// A command that was started in a running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exec {
    pub(crate) program: String,
    /// `None` is what the engine did not tell.
    pub(crate) privileged: Option<bool>,
    /// As it was asked for; empty is the container's own.
    pub(crate) user: Option<String>,
}

/// A place where something of the host is mounted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mounted {
    pub(crate) target: String,
    pub(crate) source: PathBuf,
    /// `bind`, `volume`, `tmpfs`, …
    pub(crate) kind: String,
    pub(crate) writable: bool,
    pub(crate) propagation: String,
    /// The volume's name, where it is one.
    pub(crate) volume: Option<String>,
}

/// All text of a container's own that may hold a secret.
fn texts<'a>(config: &'a ContainerConfig, words: &'a [String], check: &'a [String]) -> Texts<'a> {
    Texts {
        variables: config.env.as_deref().unwrap_or_default(),
        words,
        health_check: check,
        labels: config.labels.as_ref(),
        hostname: config.hostname.as_deref().unwrap_or_default(),
        domain: config.domainname.as_deref().unwrap_or_default(),
    }
}

impl Facts {
    /// Reads them off the engine's answer; these rules tell what a secret is.
    ///
    /// # Errors
    /// What is missing without which nothing can be said.
    pub(crate) fn of(told: ContainerInspectResponse, rules: &Rules) -> Result<Self, &'static str> {
        let host = told.host_config.ok_or("the engine did not tell the container's host configuration")?;
        let config = told.config.ok_or("the engine did not tell the container's configuration")?;
        let state = told.state.unwrap_or_default();
        let settings = told.network_settings.unwrap_or_default();
        let check = config.healthcheck.as_ref().and_then(|check| check.test.clone()).unwrap_or_default();
        let words: Vec<String> = told.path.into_iter().chain(told.args.into_iter().flatten()).collect();
        let leaks = leak::places(&texts(&config, &words, &check), rules);
        Ok(Self {
            id: told.id.ok_or("the engine did not tell the container's id")?,
            name: told.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            base: config.labels.as_ref().and_then(|labels| labels.get(BASE_DIGEST).cloned()),
            image: config.image,
            image_id: told.image,
            user: config.user,
            leaks,
            compose: compose::Labels::of(config.labels.as_ref()),
            composed: None,
            given: None,
            engines: engines(config.env.as_deref().unwrap_or_default()),
            running: state.running,
            started: state.started_at.and_then(|at| at.parse().ok()),
            has_health_check: check.first().is_some_and(|first| first != "NONE"),
            health: state.health.and_then(|health| health.status),
            network_ids: settings.networks.iter().flatten().filter_map(|(_, end)| end.network_id.clone()).collect(),
            networks: settings.networks.map(|networks| networks.into_keys().collect()),
            pid: state.pid.filter(|pid| *pid > 0),
            kernel: None,
            spaces: None,
            processes: None,
            in_force: None,
            listening: None,
            exposed: config.exposed_ports.unwrap_or_default(),
            share_image: None,
            disks: Vec::new(),
            sockets: BTreeSet::new(),
            mounts: told.mounts.map(|mounts| mounts.into_iter().map(mounted).collect()),
            published: published(settings.ports.as_ref(), host.port_bindings.as_ref()),
            apparmor: told.app_armor_profile,
            exec_ids: told.exec_ids.unwrap_or_default(),
            execs: Vec::new(),
            host,
        })
    }

    /// All the secrets that were found in what is its own.
    pub(super) fn all_leaks(&self) -> impl Iterator<Item = &Leak> {
        let files = [&self.given, &self.composed].into_iter().flatten().flat_map(|searched| &searched.leaks);
        self.leaks.iter().chain(files)
    }

    /// Which container it is, and since when.
    pub(crate) fn life(&self) -> Life {
        Life { id: self.id.clone(), started: self.started }
    }

    /// Did the engine tell what the container was given? It leaves out empty lists; but never a network's mode, nor
    /// whether all else that it tells is void, the container being privileged.
    pub(crate) fn are_complete(&self) -> bool {
        self.host.network_mode.is_some() && self.host.privileged.is_some()
    }

    /// Was it made and never started? The engine tells a start in the year 1 of such a one.
    pub(crate) fn never_ran(&self) -> bool {
        self.running == Some(false) && self.started.is_none_or(|at| at < Timestamp::UNIX_EPOCH)
    }

    /// A privileged container has no seccomp filter, no masked paths and all devices, whatever else it says.
    pub(crate) fn privileged(&self) -> bool {
        self.host.privileged == Some(true)
    }

    /// Security options of one kind: `seccomp=unconfined` and `seccomp:unconfined` are both `unconfined`.
    pub(crate) fn options<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.host.security_opt.iter().flatten().filter_map(move |option| {
            let rest = option.strip_prefix(kind)?;
            if rest.is_empty() { Some("") } else { rest.strip_prefix([':', '=']) }
        })
    }
}

/// How programs are told of an engine that is not theirs.
const ENGINES: [&str; 4] = ["DOCKER_HOST", "CONTAINER_HOST", "CONTAINERD_ADDRESS", "BUILDKIT_HOST"];

/// A socket of this host is a mount's matter: without one the address leads nowhere.
const ABROAD: [&str; 5] = ["tcp://", "ssh://", "http://", "https://", "npipe://"];

fn engines(variables: &[String]) -> Vec<String> {
    let pairs = variables.iter().filter_map(|variable| variable.split_once('='));
    let abroad = |address: &str| ABROAD.iter().any(|scheme| address.starts_with(scheme));
    pairs.filter(|(name, address)| ENGINES.contains(name) && abroad(address)).map(|(name, _)| name.to_owned()).collect()
}

/// A path of the host is followed to what it really is: a symlink must not hide `/etc`.
fn mounted(point: engine::models::MountPoint) -> Mounted {
    let source = PathBuf::from(point.source.unwrap_or_default());
    Mounted {
        target: point.destination.unwrap_or_default(),
        source: source.canonicalize().unwrap_or(source),
        kind: point.typ.map(|kind| kind.to_string()).unwrap_or_default(),
        writable: point.rw.unwrap_or(true),
        propagation: point.propagation.unwrap_or_default(),
        volume: point.name,
    }
}

/// What is bound now; for a container that does not run, what it would bind.
fn published(bound: Option<&PortMap>, asked: Option<&PortMap>) -> Vec<(String, String)> {
    let read = |map: Option<&PortMap>| -> Vec<(String, String)> {
        let bindings = map.into_iter().flat_map(|map| map.values()).flatten().flatten();
        bindings.map(|b| (b.host_ip.clone().unwrap_or_default(), b.host_port.clone().unwrap_or_default())).collect()
    };
    let bound = read(bound);
    if bound.is_empty() { read(asked) } else { bound }
}

/// What Docker calls itself.
pub(crate) const DOCKER: &str = "Engine";

/// What the engine says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engine {
    /// The product's name as the engine gives it, such as [`DOCKER`].
    pub(crate) product: Option<String>,
    pub(crate) version: Option<Version>,
    pub(crate) security: Option<Vec<String>>,
    pub(crate) cgroup_v2: Option<bool>,
    /// What it can't enforce, of the limits that the policy sets; `None` if it did not say.
    pub(crate) unenforced: Option<Vec<String>>,
    /// The id of the network that a container gets which asks for none. Docker is not asked: its own has one name.
    pub(crate) default_network: Option<String>,
    pub(crate) swarm: Option<String>,
    pub(crate) insecure_registries: Option<Vec<String>>,
    /// What the machine has: bytes of memory, and processors.
    pub(crate) memory: Option<i64>,
    pub(crate) processors: Option<i64>,
    /// What Tailscale on this host exposes, or why that is not known; `None` where it was not asked.
    pub(crate) tailnet: Option<Result<Tailnet, String>>,
    /// Groups of this host whose members are root in all but name.
    pub(crate) root_groups: BTreeSet<u32>,
}

impl Engine {
    /// Reads it off the engine's answer.
    pub(crate) fn of(info: SystemInfo) -> Self {
        let limits = [
            ("memory", info.memory_limit),
            ("swap", info.swap_limit),
            ("cpu", info.cpu_cfs_quota),
            ("pids", info.pids_limit),
        ];
        let told = limits.iter().all(|(_, can)| can.is_some());
        let unable = limits.iter().filter(|(_, can)| *can == Some(false)).map(|(name, _)| (*name).to_owned()).collect();
        Self {
            product: None,
            version: info.server_version.and_then(|version| version.parse().ok()),
            security: info.security_options,
            cgroup_v2: info.cgroup_version.map(|version| version.to_string() == "2"),
            unenforced: told.then_some(unable),
            memory: info.mem_total,
            processors: info.ncpu,
            root_groups: BTreeSet::new(),
            tailnet: None,
            default_network: None,
            swarm: info.swarm.and_then(|swarm| swarm.local_node_state).map(|state| state.to_string()),
            insecure_registries: info.registry_config.map(|config| config.insecure_registry_cidrs.unwrap_or_default()),
        }
    }

    /// Is it Docker? What is said of its versions is said of no other engine. `None` if it did not tell.
    pub(crate) fn is_docker(&self) -> Option<bool> {
        self.product.as_deref().map(|name| name == DOCKER)
    }

    /// A security module by its name, with its options: `name=seccomp,profile=builtin` is `profile=builtin`.
    pub(crate) fn module(&self, name: &str) -> Option<&str> {
        let named = format!("name={name}");
        self.security
            .iter()
            .flatten()
            .find_map(|option| option.strip_prefix(named.as_str()))
            .map(|rest| rest.trim_start_matches(','))
    }
}
