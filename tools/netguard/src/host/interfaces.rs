//! What this machine is on: its interfaces, addresses and directly reachable networks.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result};
use ipnet::IpNet;

use crate::host::netlink::{Message, Netlink, attribute, field};
use crate::host::numbers::*;
use crate::host::ways_out::is_piece;

/// An interface of the host, as rtnetlink tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Link {
    /// The kernel's number of it (`ifindex`).
    pub(crate) index: u32,
    /// Its name, at most 15 bytes.
    pub(crate) name: String,
    /// The number of the bridge that it is a port of.
    pub(crate) master: Option<u32>,
    /// How many packets came in on it.
    pub(crate) received: u64,
    /// What made it: `bridge`, `veth`, `vlan`, …; nothing where it is hardware.
    pub(crate) kind: Option<String>,
    /// The number of the interface that it stands on, in the same namespace. A veth stands on none.
    pub(crate) lower: Option<u32>,
    /// Whether its other end is in another namespace, as that of a container's veth.
    pub(crate) away: bool,
    /// Whether it is a port of a bridge that is kept apart from other such ports.
    pub(crate) isolated: bool,
    /// Whether it is a bridge whose frames meet the rules of iptables and of ip6tables.
    pub(crate) netfilter: (bool, bool),
}

/// An address on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The `ifindex` of the interface that has it.
    pub(crate) link: u32,
    /// The interface's own address.
    pub(crate) own: IpAddr,
    /// The network it is on, or the far end of a point-to-point link.
    pub(crate) network: IpNet,
}

/// A network that an interface leads to with no router between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// The `ifindex` of the interface that it leads to.
    pub(crate) link: u32,
    /// The network that is on the link.
    pub(crate) network: IpNet,
}

/// What the kernel told, at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Machine {
    /// Every interface of the network namespace.
    pub(crate) links: Vec<Link>,
    /// Every address of every interface.
    pub(crate) addresses: Vec<Address>,
    /// All routes with no router, of every table.
    pub(crate) routes: Vec<Route>,
}

impl Machine {
    /// Asks the kernel, in this process's network namespace. Needs no privilege.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub(crate) fn read() -> Result<Self> {
        let mut netlink = Netlink::route()?;
        let links = links(&mut netlink)?;
        let mut all = |kind, size: usize| vec_of(&mut netlink, kind, &vec![0; size]);
        let addresses = all(RTM_GETADDR, 8)?;
        let routes = all(RTM_GETROUTE, 12)?;
        Ok(Self {
            links,
            addresses: addresses
                .iter()
                .filter(|(kind, _)| *kind == RTM_NEWADDR)
                .filter_map(|(_, body)| address(body))
                .collect(),
            routes: routes
                .iter()
                .filter(|(kind, _)| *kind == RTM_NEWROUTE)
                .filter_map(|(_, body)| route(body))
                .collect(),
        })
    }

    /// Every network that this machine is on, but for those of the guarded bridges and loopback.
    pub(crate) fn on_link(&self, guarded: &[&str]) -> Vec<IpNet> {
        let networks: Vec<IpNet> = self.other_networks(guarded).map(|(_, network)| network.trunc()).collect();
        crate::rules::address_set::merged(&networks)
    }

    /// The networks of interfaces other than the guarded bridges and loopback. Their addresses tell them, and so do
    /// their routes with no router, but for a default route and its pieces.
    fn other_networks<'a>(&'a self, guarded: &'a [&str]) -> impl Iterator<Item = (u32, IpNet)> + 'a {
        let counts = |index: u32| {
            let name = self.name(index);
            name.is_none_or(|name| name != "lo" && !guarded.contains(&name))
        };
        let addresses = self.addresses.iter().map(|address| (address.link, address.network));
        let routes: Vec<(u32, IpNet)> = self.routes.iter().map(|route| (route.link, route.network)).collect();
        let is_piece = is_piece(&routes);
        let routes = routes.into_iter().filter(move |(link, network)| !is_piece(*link, network));
        addresses.chain(routes).filter(move |(link, network)| counts(*link) && network.prefix_len() > 1)
    }

    fn name(&self, index: u32) -> Option<&str> {
        self.links.iter().find(|link| link.index == index).map(|link| link.name.as_str())
    }

    /// An interface with a network that lies over one of these subnets: its name, its network and the subnet. Who is in
    /// both cannot be told apart by address.
    pub(crate) fn over(&self, guarded: &[&str], subnets: &[IpNet]) -> Option<(String, IpNet, IpNet)> {
        self.other_networks(guarded).find_map(|(link, network)| {
            let lies_over = |subnet: &&IpNet| network.contains(*subnet) || subnet.contains(&network);
            let subnet = subnets.iter().find(lies_over)?;
            Some((self.name(link).unwrap_or("an interface").to_owned(), network, *subnet))
        })
    }

    /// Whether an address is this machine's own.
    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.addresses.iter().any(|own| own.own == address)
    }

    /// Whether the host takes a packet to this address in itself: its own addresses, broadcast and groups
    /// (what nft's `fib` calls local, broadcast, anycast or multicast).
    pub(crate) fn takes_in(&self, address: IpAddr) -> bool {
        let edge = |network: &IpNet| match network {
            // The network's own address is an ordinary one since Linux 5.14.
            IpNet::V4(net) => net.prefix_len() < 31 && address == net.broadcast(),
            // The subnet-router anycast address (RFC 4291 §2.6.1).
            IpNet::V6(net) => net.prefix_len() < 127 && address == net.network(),
        };
        let group = match address {
            IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified(),
            IpAddr::V6(v6) => v6.is_multicast(),
        };
        group || self.owns(address) || self.addresses.iter().any(|own| edge(&own.network))
    }

    /// How many packets came in on these bridges so far.
    pub(crate) fn received(&self, bridges: &[&str]) -> Received {
        Received::on(bridges, &self.links)
    }

    /// The interfaces that are ports of a bridge: what is behind the moat right now.
    pub(crate) fn ports(&self, bridge: &str) -> Vec<&str> {
        let Some(bridge) = self.links.iter().find(|link| link.name == bridge) else {
            return Vec::new();
        };
        self.links.iter().filter(|link| link.master == Some(bridge.index)).map(|link| link.name.as_str()).collect()
    }
}

/// How many packets came in on some bridges, each by its number: one that is made again has another, and
/// counts from nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Received(BTreeMap<u32, u64>);

impl Received {
    /// How many by now on the same bridges; one that is gone is left out. A watch asks five times a second, so it keeps
    /// its socket open, and the kernel tells numbers alone. All of an interface is ten times as much.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub(crate) fn read_again(&self, netlink: &mut Netlink) -> Result<Self> {
        let keep = |counts: &mut BTreeMap<u32, u64>, message: Message<'_>| {
            let told = (message.kind == RTM_NEWSTATS).then(|| counted(message.body)).flatten();
            counts.extend(told.filter(|(bridge, _)| self.0.contains_key(bridge)));
        };
        let counts = netlink.dump(RTM_GETSTATS, &NUMBERS_ALONE, BTreeMap::new, keep);
        counts.map(Self).context("the kernel does not tell how many packets came in on the bridges")
    }

    fn on(bridges: &[&str], links: &[Link]) -> Self {
        let ours = links.iter().filter(|link| bridges.contains(&link.name.as_str()));
        Self(ours.map(|link| (link.index, link.received)).collect())
    }

    /// How many came in since an earlier look; `None` where a bridge that was there then is gone. Nobody knows what
    /// came in on it before it went.
    pub(crate) fn since(&self, before: &Self) -> Option<u64> {
        let kept = before.0.iter().all(|(bridge, then)| self.0.get(bridge).is_some_and(|now| now >= then));
        let sum = |counts: &BTreeMap<u32, u64>| counts.values().sum::<u64>();
        kept.then(|| sum(&self.0).saturating_sub(sum(&before.0)))
    }
}

fn vec_of(netlink: &mut Netlink, kind: u16, which: &[u8]) -> Result<Vec<(u16, Vec<u8>)>> {
    let keep = |all: &mut Vec<_>, message: Message<'_>| all.push((message.kind, message.body.to_vec()));
    netlink.dump(kind, which, Vec::new, keep).context("the kernel does not tell which networks this machine is on")
}

/// `struct if_stats_msg`: of every interface `IFLA_STATS_LINK_64`, whose bit is the mask's first.
const NUMBERS_ALONE: [u8; 12] = {
    let [a, b, c, d] = (1u32 << (IFLA_STATS_LINK_64 - 1)).to_ne_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
};

/// The interface's number, and how many packets came in on it.
fn counted(body: &[u8]) -> Option<(u32, u64)> {
    let index = u32::from_ne_bytes(field(body, 4)?);
    let numbers = attribute(body.get(12..)?, IFLA_STATS_LINK_64)?;
    Some((index, u64::from_ne_bytes(field(numbers, 0)?)))
}

fn links(netlink: &mut Netlink) -> Result<Vec<Link>> {
    let told = vec_of(netlink, RTM_GETLINK, &[0; 16])?;
    Ok(told.iter().filter(|(kind, _)| *kind == RTM_NEWLINK).filter_map(|(_, body)| link(body)).collect())
}

/// `struct ifinfomsg` (rtnetlink(7)) and its attributes.
fn link(body: &[u8]) -> Option<Link> {
    let index = u32::from_ne_bytes(field(body, 4)?);
    let rest = body.get(16..)?;
    let name = attribute(rest, IFLA_IFNAME)?;
    let name = String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned();
    let master = attribute(rest, IFLA_MASTER).and_then(|value| field(value, 0)).map(u32::from_ne_bytes);
    let received = attribute(rest, IFLA_STATS64).and_then(|value| field(value, 0)).map_or(0, u64::from_ne_bytes);
    let info = attribute(rest, IFLA_LINKINFO).unwrap_or_default();
    let kind = attribute(info, IFLA_INFO_KIND)
        .map(|kind| String::from_utf8_lossy(kind.strip_suffix(&[0]).unwrap_or(kind)).into_owned());
    let away = attribute(rest, IFLA_LINK_NETNSID).is_some();
    let other = attribute(rest, IFLA_LINK).and_then(|value| field(value, 0)).map(u32::from_ne_bytes);
    let lower = other.filter(|other| *other != index && kind.as_deref() != Some("veth") && !away);
    let set = |within: u16, number: u16| {
        attribute(info, within).and_then(|data| attribute(data, number)).is_some_and(|value| value.first() == Some(&1))
    };
    let of_bridge = |number| set(IFLA_INFO_DATA, number);
    let netfilter = (of_bridge(IFLA_BR_NF_CALL_IPTABLES), of_bridge(IFLA_BR_NF_CALL_IP6TABLES));
    let isolated = set(IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_ISOLATED);
    Some(Link { index, name, master, received, kind, lower, away, isolated, netfilter })
}

/// `struct ifaddrmsg`: on a point-to-point link `IFA_ADDRESS` is the far end, `IFA_LOCAL` our own.
fn address(body: &[u8]) -> Option<Address> {
    let [family, prefix] = field(body, 0)?;
    let index = u32::from_ne_bytes(field(body, 4)?);
    let rest = body.get(8..)?;
    let far = attribute(rest, IFA_ADDRESS).and_then(|value| ip(family, value));
    let own = attribute(rest, IFA_LOCAL).and_then(|value| ip(family, value)).or(far)?;
    let network = IpNet::new(far.unwrap_or(own), prefix).ok()?;
    Some(Address { link: index, own, network })
}

/// `struct rtmsg`; only routes to other machines that name one interface and no router.
fn route(body: &[u8]) -> Option<Route> {
    let [family, prefix] = field(body, 0)?;
    let [kind] = field(body, 7)?;
    let rest = body.get(12..)?;
    if kind != RTN_UNICAST
        || [RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA].into_iter().any(|routed| attribute(rest, routed).is_some())
    {
        return None;
    }
    let index = u32::from_ne_bytes(attribute(rest, RTA_OIF).and_then(|value| field(value, 0))?);
    let network = IpNet::new(ip(family, attribute(rest, RTA_DST)?)?, prefix).ok()?;
    Some(Route { link: index, network })
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => field(value, 0).map(|bytes: [u8; 4]| Ipv4Addr::from(bytes).into()),
        AF_INET6 => field(value, 0).map(|bytes: [u8; 16]| Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let link = |index, name: &str, master| Link { index, name: name.to_owned(), master, ..Link::default() };
        let address = |link, own: &str, network: &str| Address {
            link,
            own: own.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        let route = |link, network: &str| Route { link, network: network.parse().unwrap() };
        Machine {
            links: vec![
                link(1, "lo", None),
                link(2, "eth0", None),
                link(3, "br-cell", None),
                link(4, "veth1", Some(3)),
                link(5, "tun0", None),
            ],
            addresses: vec![
                address(1, "127.0.0.1", "127.0.0.1/8"),
                address(2, "192.168.77.2", "192.168.77.2/24"),
                address(2, "2001:db8:77::2", "2001:db8:77::2/64"),
                address(3, "172.30.1.1", "172.30.1.1/24"),
                address(5, "10.8.0.2", "10.8.0.1/32"),
            ],
            routes: vec![
                route(2, "192.168.77.0/24"),
                route(5, "0.0.0.0/1"),
                route(5, "128.0.0.0/1"),
                route(5, "5.6.0.0/16"),
                route(3, "172.30.1.0/24"),
            ],
        }
    }

    #[test]
    fn the_networks_of_the_host_are_denied_but_not_its_guarded_bridges_nor_half_the_internet() {
        let networks: Vec<String> = machine().on_link(&["br-cell"]).iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["5.6.0.0/16", "10.8.0.1/32", "192.168.77.0/24", "2001:db8:77::/64"]);
    }

    #[test]
    fn an_interface_in_the_range_of_a_guarded_network_is_named() {
        let over = |subnet: &str| machine().over(&["br-cell"], &[subnet.parse().unwrap()]);
        assert_eq!(over("192.168.77.64/26").map(|(name, ..)| name).as_deref(), Some("eth0"));
        assert_eq!(over("192.168.0.0/16").map(|(name, ..)| name).as_deref(), Some("eth0"));
        assert_eq!(over("172.30.1.0/24"), None, "its own bridge");
        assert_eq!(over("8.8.8.0/24"), None, "a way out is no range of this machine's");
    }

    #[test]
    fn a_bridge_that_is_not_guarded_counts_as_a_network_of_the_host() {
        assert!(machine().on_link(&[]).contains(&"172.30.1.0/24".parse().unwrap()));
    }

    #[test]
    fn a_port_of_a_bridge_is_seen_and_a_bridge_that_is_not_there_has_none() {
        assert_eq!(machine().ports("br-cell"), ["veth1"]);
        assert!(machine().ports("br-none").is_empty());
    }

    #[test]
    fn own_addresses_are_those_of_interfaces_and_loopback_and_no_far_end() {
        let machine = machine();
        for (address, own) in [
            ("192.168.77.2", true),
            ("127.3.2.1", true),
            ("10.8.0.2", true),
            ("10.8.0.1", false),
            ("192.168.77.10", false),
        ] {
            assert_eq!(machine.owns(address.parse().unwrap()), own, "{address}");
        }
    }

    #[test]
    fn packets_since_a_look_are_counted_and_not_known_when_a_bridge_is_gone_or_was_made_again() {
        let received = |counts: &[(u32, u64)]| Received(counts.iter().copied().collect());
        let before = received(&[(3, 10), (4, 5)]);
        assert_eq!(received(&[(3, 12), (4, 5)]).since(&before), Some(2));
        assert_eq!(received(&[(3, 12), (4, 5), (9, 7)]).since(&before), Some(9), "a new bridge counts from nothing");
        assert_eq!(received(&[(3, 12)]).since(&before), None);
        assert_eq!(received(&[(3, 12), (9, 7)]).since(&before), None);
        assert_eq!(received(&[(3, 9), (4, 5)]).since(&before), None);
    }

    #[test]
    fn the_kernel_tells_the_same_count_again_of_the_interfaces_that_were_counted_and_of_no_other() {
        let machine = Machine::read().unwrap();
        let one = machine.links.first().unwrap();
        let mut netlink = Netlink::route().unwrap();
        let again = Received([(one.index, one.received), (u32::MAX, 7)].into()).read_again(&mut netlink).unwrap();
        assert_eq!(again.0.keys().copied().collect::<Vec<_>>(), [one.index]);
        assert!(again.0.get(&one.index).is_some_and(|now| *now >= one.received));
        assert!(Received::default().read_again(&mut netlink).unwrap().0.is_empty());
    }

    #[test]
    fn the_kernel_of_this_machine_tells_its_loopback() {
        let machine = Machine::read().unwrap();
        assert!(machine.links.iter().any(|link| link.name == "lo"));
        assert!(machine.addresses.iter().any(|address| address.own.is_loopback()) || machine.addresses.is_empty());
    }
}
