//! Where the kernel sends what is for an address, by all its rules and tables. A VPN's way out is in a table of its
//! own.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};

use crate::host::interfaces::Link;
use crate::host::netlink::{Netlink, attribute, field};
use crate::host::numbers::{AF_INET, RTA_DST, RTA_OIF, RTM_GETROUTE, RTM_NEWROUTE};

/// The interface towards an address.
///
/// # Errors
/// If there is no route, or the kernel does not answer.
pub(super) fn towards(to: Ipv4Addr, links: &[Link]) -> Result<String> {
    let mut found = None;
    let each = |message: crate::host::netlink::Message<'_>| {
        if message.kind == RTM_NEWROUTE {
            found = output(message.body);
        }
    };
    Netlink::route()?.get(RTM_GETROUTE, &question(to), each).with_context(|| format!("no route leads to {to}"))?;
    let index = found.with_context(|| format!("the route to {to} names no interface"))?;
    let link = links.iter().find(|link| link.index == index);
    Ok(link.with_context(|| format!("the route to {to} names an interface that is gone"))?.name.clone())
}

/// `struct rtmsg` for a single IPv4 address, and that address.
fn question(to: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend(8u16.to_ne_bytes());
    body.extend(RTA_DST.to_ne_bytes());
    body.extend(to.octets());
    body
}

fn output(body: &[u8]) -> Option<u32> {
    attribute(body.get(12..)?, RTA_OIF).and_then(|value| field(value, 0)).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::interfaces::Machine;

    #[test]
    fn what_is_for_this_machine_itself_goes_to_loopback() {
        let links = Machine::read().unwrap().links;
        assert_eq!(towards(Ipv4Addr::LOCALHOST, &links).unwrap(), "lo");
        assert!(towards(Ipv4Addr::LOCALHOST, &[]).is_err());
    }

    #[test]
    fn a_route_without_an_interface_is_none() {
        assert_eq!(output(&[0; 12]), None);
        assert_eq!(output(&[0; 3]), None);
    }
}
