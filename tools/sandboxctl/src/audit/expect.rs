//! What the policy asks of each container. One that the policy does not know gets the strictest of all.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use policy::{Policy, Service};

use super::facts::{Life, Mounted};
use crate::place;
use crate::render::compose;

/// The network namespace a container should live in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Home {
    /// Its own, on exactly these networks.
    Own(BTreeSet<String>),
    /// That of this container, in this life of it; `None` if there is no such container.
    Of(Option<Life>),
    /// None at all.
    Nowhere,
    /// Anywhere but on these: a stranger.
    AwayFrom(BTreeSet<String>),
}

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
    pub(crate) home: Home,
    /// Folders and files of the host: target, source, writable.
    pub(crate) binds: BTreeSet<(String, PathBuf, bool)>,
    /// The file that holds the share's file system.
    pub(crate) share_image: PathBuf,
    /// The one address and port it may publish.
    pub(crate) publishes: Option<(String, String)>,
    pub(crate) dns: BTreeSet<String>,
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
            home: match service {
                Some(Service::Cell) => Home::Of(vault.cloned()),
                Some(Service::Warden) => Home::Nowhere,
                Some(service) => Home::Own(networks(service).map(policy::Network::docker_name).collect()),
                None => Home::AwayFrom(policy.networks.values().map(policy::Network::docker_name).collect()),
            },
            binds: service.map(|service| binds(policy, service)).unwrap_or_default(),
            share_image: real(policy.cell.share.image()),
            publishes: (service == Some(Service::Vault)).then(|| (listen.ip().to_string(), listen.port().to_string())),
            dns: match service {
                Some(Service::Cell | Service::Warden) | None => BTreeSet::new(),
                Some(service) => texts(&compose::resolvers(policy, service)),
            },
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

#[expect(clippy::cast_possible_truncation, reason = "the policy bounds cpus to 1024")]
fn limits(policy: &Policy) -> (i64, i64, i64) {
    let memory = i64::try_from(policy.cell.memory.get()).unwrap_or(i64::MAX);
    (memory, (policy.cell.cpus * 1e9).round() as i64, i64::from(policy.cell.pids))
}

/// A path as it really is: the engine tells it so.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

fn binds(policy: &Policy, service: Service) -> BTreeSet<(String, PathBuf, bool)> {
    let share = || real(policy.cell.share.folder());
    let rules = || ("/etc/cellblock/policy.toml".to_owned(), real(policy.origin.clone()), false);
    let permit = (place::PERMIT.to_owned(), real(policy.permit()), false);
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
        Service::Clamd => [("/signatures".to_owned(), real(place::signatures(policy)), false)].into(),
        Service::Vault => BTreeSet::new(),
    };
    if service != Service::Cell {
        binds.insert(permit);
    }
    binds
}
