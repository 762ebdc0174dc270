//! What stands around the cell: the host's own addresses, its neighbours and routers, the ports it
//! listens on. Read from `/proc/thread-self/net`, so of the namespace where `plan` runs; the neighbours over IPv6,
//! which have no table there, from the kernel itself.

mod listening;
mod neighbours;
mod netlink;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::Engine;
use ipnet::IpNet;
use policy::{Network, Policy};

use crate::namespace::devices::Devices;

/// All that a plan takes from the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// The host's own addresses, loopback left out.
    pub(crate) own: BTreeSet<IpAddr>,
    /// The host's default gateways, of both families.
    pub(crate) routers: BTreeSet<IpAddr>,
    /// Neighbours that answered it lately.
    pub(crate) neighbours: BTreeSet<IpAddr>,
    /// Neighbours of its own link, with the interface that leads to them: their addresses mean nothing elsewhere.
    pub(crate) on_link: BTreeSet<(Ipv6Addr, String)>,
    /// The interface of its way to the internet, so to its LAN.
    pub(crate) uplink: Option<String>,
    /// Its link-local address on each interface that has one.
    pub(crate) links: BTreeMap<String, Ipv6Addr>,
    /// Has it a way to the internet over IPv6?
    pub(crate) v6: bool,
    /// Masquerades the engine no IPv6? Containers are IPv4-only then, and `up` says so.
    pub(crate) v4_only: bool,
    /// TCP ports it listens on beyond loopback, ascending.
    pub(crate) listening: BTreeSet<u16>,
    /// Paths of the container engine's sockets that are there.
    pub(crate) sockets: Vec<String>,
}

/// Where the kernel shows what the namespace of a thread has (proc(5)).
const TABLES: &str = "/proc/thread-self/net";

/// Where container engines put the sockets that are as good as root.
const SOCKETS: [&str; 4] = [
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/docker/containerd/containerd.sock",
    "/run/podman/podman.sock",
];

/// How long the engine may take to say what it does.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(5);

impl Surroundings {
    /// Reads them.
    ///
    /// # Errors
    /// If `/proc` cannot be read.
    pub(crate) fn read() -> Result<Self> {
        let mut found = Self { own: own_addresses()?, ..Self::default() };
        found.links.extend(neighbours::links(&v6("if_inet6")));
        found.v6 = neighbours::has_way_out_v6(&v6("ipv6_route"));
        found.routers.extend(neighbours::routers_v4(&file("route")?));
        found.routers.extend(neighbours::routers_v6(&v6("ipv6_route")));
        found.neighbours.extend(neighbours::alive_v4(&file("arp")?));
        found.uplink = neighbours::uplink(&file("route")?, &v6("ipv6_route"));
        for neighbour in netlink::alive_v6()? {
            match neighbours::interface(neighbour.index, &v6("if_inet6")) {
                Some(interface) if neighbour.ip.is_unicast_link_local() => {
                    found.on_link.insert((neighbour.ip, interface));
                }
                _ => drop(found.neighbours.insert(IpAddr::V6(neighbour.ip))),
            }
        }
        found.listening.extend(listening::tcp(&file("tcp")?));
        found.listening.extend(listening::tcp(&v6("tcp6")));
        found.sockets = sockets();
        found.v4_only = is_v4_only();
        Ok(found)
    }
}

/// The host's own addresses, loopback left out.
fn own_addresses() -> Result<BTreeSet<IpAddr>> {
    let v4 = neighbours::own_v4(&file("fib_trie")?);
    Ok(v4.into_iter().chain(neighbours::own_v6(&v6("if_inet6"))).collect())
}

/// The gateways of a policy's networks on which the host has no address at all. Only those whose bridge is here count. A
/// host that sits there under another address is there all the same, so its gateway is asked.
///
/// # Errors
/// If `/proc` cannot be read.
pub(crate) fn vacant_gateways(policy: &Policy) -> Result<BTreeSet<IpAddr>> {
    let (own, devices) = (own_addresses()?, Devices::here());
    let here = policy.active_networks().filter(|network| devices.has(network.bridge.as_str()));
    Ok(here.flat_map(|network| vacant(network, &own)).collect())
}

fn vacant(network: &Network, own: &BTreeSet<IpAddr>) -> impl Iterator<Item = IpAddr> {
    let (v4, v6) = network.gateway();
    let ends: [(IpAddr, IpNet); 2] = [(v4.into(), network.v4.into()), (v6.into(), network.v6.into())];
    ends.into_iter().filter(|(_, subnet)| !own.iter().any(|ip| subnet.contains(ip))).map(|(gateway, _)| gateway)
}

/// A table of the namespace of this thread.
fn file(name: &str) -> Result<String> {
    let path = Path::new(TABLES).join(name);
    std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The same of IPv6: a kernel without it has none of its files.
fn v6(name: &str) -> String {
    std::fs::read_to_string(Path::new(TABLES).join(name)).unwrap_or_default()
}

/// Where no engine runs or answers, the plan proves no less for it.
fn is_v4_only() -> bool {
    let asked =
        engine::wait_at_most(ENGINE_TIMEOUT, async { Ok(Engine::connect_to_running().await?.masquerades_v6().await) });
    asked.is_ok_and(|masquerades| !masquerades)
}

/// The sockets of the container engines of this machine. Docker's own first, wherever `DOCKER_HOST` says
/// that it is.
pub(crate) fn sockets() -> Vec<String> {
    let named = std::env::var("DOCKER_HOST").ok().and_then(|host| host.strip_prefix("unix://").map(str::to_owned));
    let usual = SOCKETS.into_iter().map(str::to_owned).filter(|path| Some(path) != named.as_ref());
    let mut found: Vec<String> = named.iter().cloned().chain(usual).collect();
    found.retain(|path| std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_vacant_only_where_the_host_has_no_address_in_its_subnet() {
        let policy =
            Policy::parse(include_str!("../../../compose/policy.toml"), Path::new("policy.toml"), Path::new("/"))
                .unwrap();
        let network = policy.network("monitor").unwrap();
        let vacant = |own: &[&str]| vacant(network, &own.iter().map(|ip| ip.parse().unwrap()).collect()).count();
        assert_eq!(vacant(&["192.168.1.2"]), 2);
        assert_eq!(vacant(&["172.30.2.1"]), 1);
        assert_eq!(vacant(&["172.30.2.254", "fd6c:6c62:2::1"]), 0, "at another address it is there all the same");
    }
}
