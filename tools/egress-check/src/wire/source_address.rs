//! Source address selection (RFC 6724), asked of the kernel: where packets from a vantage to a target would start.
//! Nothing is sent: a datagram socket that is connected only asks for its route.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::OwnedFd;

use anyhow::{Result, bail};
use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::set_ip_multicast_if_with_ifindex;

use super::unspecified;
use crate::namespace::vantage::enter_network;
use crate::probe::question::ProbeTarget;

/// Port 9 discards what comes (RFC 863). Any other would do, for nothing is sent.
const DISCARD: u16 = 9;

/// Where packets to a target start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceAddress {
    /// They start at this address of the vantage's.
    Selected(IpAddr),
    /// There is no route: nothing is ever sent. Never so on a link, which takes no route.
    NoRoute,
}

/// The targets of a run, as far as the kernel could tell.
pub(crate) type SourceAddresses = HashMap<ProbeTarget, SourceAddress>;

/// Asks for each target that is an address, in a network namespace.
///
/// # Errors
/// If the namespace cannot be entered.
pub(crate) fn select<'a>(
    netns: Option<&OwnedFd>,
    targets: impl Iterator<Item = &'a ProbeTarget>,
) -> Result<SourceAddresses> {
    let wanted: HashSet<&ProbeTarget> = targets.collect();
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| -> Result<_> {
            enter_network(netns)?;
            Ok(wanted.into_iter().filter_map(|target| Some((target.clone(), of(target)?))).collect())
        });
        match looking.join() {
            Ok(found) => found,
            Err(_) => bail!("the look at the routes fell"),
        }
    })
}

fn of(target: &ProbeTarget) -> Option<SourceAddress> {
    match target {
        ProbeTarget::Ip(ip) => match connected(*ip, None) {
            Ok(source) => Some(SourceAddress::Selected(source)),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NETUNREACH) => Some(SourceAddress::NoRoute),
            Err(_) => None,
        },
        ProbeTarget::OnLink(ip, interface) => connected(*ip, Some(interface)).ok().map(SourceAddress::Selected),
        ProbeTarget::Name(_) | ProbeTarget::OwnResolvers | ProbeTarget::Path(_) => None,
    }
}

fn connected(to: IpAddr, interface: Option<&str>) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((unspecified(to), 0))?;
    let index = interface.map(|interface| name_to_index(&socket, interface)).transpose()?;
    if let (IpAddr::V4(group), Some(index)) = (to, index) {
        set_ip_multicast_if_with_ifindex(&socket, &group, &Ipv4Addr::UNSPECIFIED, index)?;
    }
    let at = match to {
        IpAddr::V4(_) => SocketAddr::new(to, DISCARD),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, DISCARD, 0, index.unwrap_or_default()).into(),
    };
    socket.connect(at)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_where_a_packet_would_start_and_a_link_takes_no_route() {
        let targets = ["127.0.0.1", "224.0.0.251%no-such-link", "example.com"].map(ProbeTarget::read);
        let found = select(None, targets.iter()).unwrap();
        let own = Some(&SourceAddress::Selected([127, 0, 0, 1].into()));
        assert_eq!(targets.each_ref().map(|target| found.get(target)), [own, None, None]);
        let group = ProbeTarget::read("224.0.0.251%lo");
        assert_ne!(select(None, std::iter::once(&group)).unwrap().get(&group), Some(&SourceAddress::NoRoute));
    }
}
