//! What the policy asks of each container. One that the policy does not know gets the strictest of all.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use policy::{Policy, Service};

use super::facts::{Life, Mounted};
use crate::paths;
use crate::render::compose;

/// The network namespace a container should live in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NetworkNamespace {
    /// A namespace of its own, on exactly these networks.
    Own(BTreeSet<String>),
    /// That of this container, in this life of it; `None` if there is no such container.
    Of(Option<Life>),
    /// On no network at all.
    Nowhere,
    /// Anywhere but on these: a stranger.
    AwayFrom(BTreeSet<String>),
}

/// The most of what a container can use up. What the machine does not have is no bound either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most {
    /// Memory, in bytes.
    pub(crate) memory: i64,
    /// Billionths of a CPU.
    pub(crate) processors: i64,
    pub(crate) processes: i64,
    /// Bytes, of all its logs together.
    pub(crate) logs: i64,
    /// How many files a process may have open.
    pub(crate) files: i64,
}

/// Of a service of ours: what `compose.yaml` gives it has only to bound something at all.
const OURS: Most = Most {
    memory: i64::MAX,
    processors: i64::MAX,
    // What a kernel numbers at most unless told otherwise (proc(5), `pid_max`).
    processes: 32_768,
    logs: 1 << 30,
    files: 65_536,
};

/// What a container should be.
#[derive(Debug, Clone)]
pub(crate) struct Expect {
    /// `None`: the policy does not know it.
    pub(crate) service: Option<Service>,
    /// uid 0 by design, and why.
    pub(crate) root_because: Option<&'static str>,
    /// Capabilities it may have.
    pub(crate) capabilities: &'static [&'static str],
    /// Bytes, billionths of a CPU, processes.
    pub(crate) limits: Option<(i64, i64, i64)>,
    /// Where it has no limits of its own in the policy.
    pub(crate) most: Most,
    pub(crate) network_namespace: NetworkNamespace,
    /// Folders and files of the host: target, source, writable.
    pub(crate) binds: BTreeSet<(String, PathBuf, bool)>,
    /// The file that holds the share's file system.
    pub(crate) share_image: PathBuf,
    /// The one address and port it may publish.
    pub(crate) publishes: Option<(String, String)>,
    pub(crate) dns: BTreeSet<String>,
    /// The names whose TLS the gate opens, where it is the gate.
    pub(crate) inspects: Option<Vec<String>>,
    /// The certificate of an authority that is still there although the policy opens nothing, where it is the gate.
    pub(crate) left: Option<PathBuf>,
}

impl Expect {
    /// What this policy asks of the container of this name. `vault` is the vault there is.
    pub(crate) fn of(policy: &Policy, name: &str, vault: Option<&Life>) -> Self {
        let service = Service::ALL.into_iter().find(|&service| policy.container(service) == name);
        let networks = |service| policy.active_networks().filter(move |n| n.address_of(service).is_some());
        let listen = policy.vault.listen;
        Self {
            service,
            root_because: match service {
                Some(Service::Cell) => Some("the cell: it owns what it writes, and has no capability"),
                Some(Service::Warden) => {
                    Some("the warden: a capability given to another uid is void under no-new-privileges")
                }
                _ => None,
            },
            capabilities: if service == Some(Service::Warden) { &["DAC_OVERRIDE"] } else { &[] },
            limits: (service == Some(Service::Cell)).then(|| limits(policy)),
            most: if service.is_some() { OURS } else { ceiling(policy) },
            network_namespace: match service {
                Some(Service::Cell) => NetworkNamespace::Of(vault.cloned()),
                Some(Service::Warden) => NetworkNamespace::Nowhere,
                Some(service) => NetworkNamespace::Own(networks(service).map(policy::Network::docker_name).collect()),
                None => {
                    NetworkNamespace::AwayFrom(policy.networks.values().map(policy::Network::docker_name).collect())
                }
            },
            binds: service.map(|service| binds(policy, service)).unwrap_or_default(),
            share_image: real(policy.cell.share.image()),
            publishes: (service == Some(Service::Vault)).then(|| (listen.ip().to_string(), listen.port().to_string())),
            dns: match service {
                Some(Service::Cell | Service::Warden) | None => BTreeSet::new(),
                Some(service) => texts(&compose::resolvers(policy, service)),
            },
            inspects: (service == Some(Service::Proxy))
                .then(|| policy.inspected().into_iter().map(str::to_owned).collect()),
            left: (service == Some(Service::Proxy) && policy.inspected().is_empty())
                .then(|| paths::authority(policy))
                // What nobody can look for may be there.
                .filter(|path| path.try_exists().unwrap_or(true)),
        }
    }

    /// Is this mount one that the policy asks for?
    pub(crate) fn wants(&self, mount: &Mounted) -> bool {
        self.binds.contains(&(mount.target.clone(), mount.source.clone(), mount.writable))
    }
}

fn texts(addresses: &[IpAddr]) -> BTreeSet<String> {
    addresses.iter().map(IpAddr::to_string).collect()
}

fn limits(policy: &Policy) -> (i64, i64, i64) {
    (bytes(policy.cell.memory), billionths(policy.cell.cpus), i64::from(policy.cell.pids))
}

fn ceiling(policy: &Policy) -> Most {
    let policy::Ceiling { memory, cpus, pids, logs, files } = policy.ceiling;
    Most {
        memory: bytes(memory),
        processors: billionths(cpus),
        processes: i64::from(pids),
        logs: bytes(logs),
        files: i64::from(files),
    }
}

fn bytes(size: policy::Bytes) -> i64 {
    i64::try_from(size.get()).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the policy bounds cpus to 1024")]
fn billionths(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}

/// A path as it really is: the engine tells it so.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

fn binds(policy: &Policy, service: Service) -> BTreeSet<(String, PathBuf, bool)> {
    let share = || real(policy.cell.share.folder());
    let rules = || ("/etc/cellblock/policy.toml".to_owned(), real(policy.origin.clone()), false);
    let permit = (paths::PERMIT.to_owned(), real(policy.permit()), false);
    let mut binds: BTreeSet<_> = match service {
        Service::Cell => [("/sandbox".to_owned(), share(), true)].into(),
        Service::Warden => [
            ("/share".to_owned(), share(), true),
            ("/jail".to_owned(), real(policy.warden.jail.path.clone()), true),
            rules(),
        ]
        .into(),
        Service::Monitor => [rules()].into(),
        Service::Proxy => [("/etc/nginx/gate".to_owned(), real(policy.rendered().join("gate")), false)].into(),
        Service::Clamd => [("/signatures".to_owned(), real(paths::signatures(policy)), false)].into(),
        Service::Vault => BTreeSet::new(),
    };
    if service != Service::Cell {
        binds.insert(permit);
    } else if !policy.inspected().is_empty() {
        binds.insert((paths::AUTHORITY.to_owned(), real(paths::inspected(policy)), false));
    }
    binds
}
