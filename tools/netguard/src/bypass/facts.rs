//! What was found out about the machine, before anything is decided on it.

use std::collections::{BTreeMap, BTreeSet};

use engine::Identity;
use ipnet::IpNet;

use super::nat::Printed;
use super::refusal::Firewall;
use crate::host::interfaces::Link;

/// A fact, or why it could not be had.
pub(crate) type Fact<T> = Result<T, String>;

/// Everything that the findings rest on.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Whether the moat's table is there.
    pub(crate) table: Fact<bool>,
    /// Who holds rules of a moat: nft, or a variant of iptables.
    pub(crate) moats: Fact<Vec<&'static str>>,
    /// The ids of the rules that the kernel holds as planned.
    pub(crate) standing: BTreeSet<String>,
    /// Every interface of the host's network namespace.
    pub(crate) links: Fact<Vec<Link>>,
    /// Interfaces that are in a network's range and no bridge, by the network's name, in words.
    pub(crate) over: Fact<BTreeMap<String, String>>,
    /// Settings of the kernel below `net`, such as `ipv4.ip_forward`; `None` where it has no such setting.
    /// In names of interfaces, dots are slashes (sysctl(8)).
    pub(crate) settings: BTreeMap<String, Fact<Option<i64>>>,
    /// Chains of other tables that forwarded packets pass, with their policies.
    pub(crate) forward: Fact<Vec<ForwardChain>>,
    /// What translates the sources of what goes out, and firewalld's rules.
    pub(crate) outbound: Fact<Vec<Printed>>,
    /// The rules of other programs that a forwarded packet passes.
    pub(crate) firewalls: Fact<Vec<Firewall>>,
    /// The interface to which the kernel sends what is for a member, by the network's name.
    pub(crate) homeward: BTreeMap<String, Fact<String>>,
    /// The interface on which a packet to the internet goes out.
    pub(crate) uplink: Fact<String>,
    /// What Docker's API tells of its networks and containers.
    pub(crate) engine: Fact<Engine>,
}

/// A chain that the kernel calls for forwarded packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForwardChain {
    /// `ip`, `ip6` or `inet`.
    pub(crate) family: String,
    /// The table it stands in.
    pub(crate) table: String,
    /// Whether it drops what nothing lets through.
    pub(crate) drops: bool,
}

/// What Docker tells, and how it was started.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// The engine's id and version, so that two are never taken for one.
    pub(crate) identity: Identity,
    /// Whether it is an ordinary user's, in a network namespace of its own.
    pub(crate) rootless: Fact<bool>,
    /// All networks of the engine.
    pub(crate) networks: Vec<DockerNetwork>,
    /// The containers that run now.
    pub(crate) containers: Vec<DockerContainer>,
    /// How the daemon was started.
    pub(crate) daemon: Fact<Daemon>,
}

/// A network of Docker's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DockerNetwork {
    /// Docker's id of it, 64 hex digits.
    pub(crate) id: String,
    /// Docker's name of it.
    pub(crate) name: String,
    /// Its driver: `bridge`, `host`, `null`, `macvlan`, …
    pub(crate) driver: String,
    /// The bridge, where the driver makes one.
    pub(crate) bridge: Option<String>,
    /// Its subnets, of both families.
    pub(crate) subnets: Vec<IpNet>,
    /// Whether Docker lets its members talk to each other.
    pub(crate) icc: bool,
    /// How Docker lets the outside reach its members, where it was told (`gateway_mode_ipv4`, `…_ipv6`).
    pub(crate) modes: Vec<String>,
}

/// A running container, and what its processes could ever be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DockerContainer {
    /// Docker's id of it, 64 hex digits.
    pub(crate) id: String,
    /// Docker's name of it.
    pub(crate) name: String,
    /// The id of the container whose network namespace it shares, if it does.
    pub(crate) guest_of: Option<String>,
    /// The ids of the networks it is on; none of its own for a guest.
    pub(crate) networks: Vec<String>,
    /// The capabilities that its processes can ever have: the bounding set, as bits (capabilities(7)).
    pub(crate) bounding: Fact<u64>,
}

/// How the daemon was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Daemon {
    /// dockerd's command line, an argument each.
    pub(crate) arguments: Vec<String>,
    /// The names of variables in its environment that are set to something true.
    pub(crate) variables: Vec<String>,
    /// The keys of its configuration file whose values are neither false nor empty.
    pub(crate) configured: Vec<String>,
}

impl Facts {
    /// A setting of the kernel.
    pub(crate) fn setting(&self, name: &str) -> Fact<Option<i64>> {
        self.settings.get(name).cloned().unwrap_or_else(|| Err(format!("net.{name} was not read")))
    }

    /// An interface, `None` where there is none of that name.
    pub(crate) fn link(&self, name: &str) -> Fact<Option<&Link>> {
        self.links.as_ref().map(|links| links.iter().find(|link| link.name == name)).map_err(Clone::clone)
    }

    /// The interfaces that are ports of a bridge.
    pub(crate) fn ports(&self, bridge: &str) -> Fact<Vec<&Link>> {
        let Some(bridge) = self.link(bridge)? else { return Ok(Vec::new()) };
        let links = self.links.as_ref().map_err(Clone::clone)?;
        Ok(links.iter().filter(|link| link.master == Some(bridge.index)).collect())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bypass::kernel;
    use crate::rules::plan::tests::{plan, shipped};

    /// Facts of which none could be read, for one reason.
    pub(crate) fn unknown(why: &str) -> Facts {
        Facts {
            table: Err(why.to_owned()),
            moats: Err(why.to_owned()),
            standing: BTreeSet::new(),
            links: Err(why.to_owned()),
            over: Err(why.to_owned()),
            settings: BTreeMap::new(),
            forward: Err(why.to_owned()),
            outbound: Err(why.to_owned()),
            firewalls: Err(why.to_owned()),
            homeward: BTreeMap::new(),
            uplink: Err(why.to_owned()),
            engine: Err(why.to_owned()),
        }
    }

    /// A machine with nothing wrong: every bridge is there, `cell` has two members without capabilities.
    pub(crate) fn clean() -> Facts {
        let policy = shipped();
        let mut links = Vec::new();
        let mut networks = Vec::new();
        let mut settings = BTreeMap::new();
        let mut homeward = BTreeMap::new();
        for (index, network) in (10..).zip(policy.active_networks()) {
            let bridge = network.bridge.to_string();
            links.push(Link { index, name: bridge.clone(), kind: Some("bridge".to_owned()), ..Link::default() });
            for name in kernel::settings(&bridge) {
                settings.insert(name, Ok(Some(0)));
            }
            homeward.insert(network.name.to_string(), Ok(bridge.clone()));
            networks.push(DockerNetwork {
                id: format!("id-{}", network.name),
                name: network.docker_name(),
                driver: "bridge".to_owned(),
                bridge: Some(bridge),
                subnets: network.subnets().to_vec(),
                icc: true,
                modes: Vec::new(),
            });
        }
        for (index, name) in [(50, "veth1"), (51, "veth2")] {
            let kind = Some("veth".to_owned());
            links.push(Link { index, name: name.to_owned(), master: Some(10), kind, away: true, ..Link::default() });
        }
        let forward = ForwardChain { family: "ip".to_owned(), table: "filter".to_owned(), drops: false };
        Facts {
            table: Ok(true),
            moats: Ok(vec!["nft"]),
            standing: plan().rules.into_iter().map(|rule| rule.id).collect(),
            links: Ok(links),
            over: Ok(BTreeMap::new()),
            settings,
            forward: Ok(vec![forward]),
            outbound: Ok(vec![Printed { name: "ip nat".to_owned(), text: "masquerade".to_owned() }]),
            firewalls: Ok(Vec::new()),
            homeward,
            uplink: Ok("eth0".to_owned()),
            engine: Ok(Engine {
                identity: Identity { id: Some("an engine".to_owned()), version: Some("26.1.5".to_owned()) },
                rootless: Ok(false),
                networks,
                containers: vec![container("vault", &["id-cell"]), container("other", &["id-cell"])],
                daemon: Ok(Daemon::default()),
            }),
        }
    }

    /// A container without capabilities on networks.
    pub(crate) fn container(name: &str, networks: &[&str]) -> DockerContainer {
        DockerContainer {
            id: format!("id-{name}"),
            name: name.to_owned(),
            guest_of: None,
            networks: networks.iter().map(|&id| id.to_owned()).collect(),
            bounding: Ok(0),
        }
    }
}
