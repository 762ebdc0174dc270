//! Who lives on the host's LAN, asked of nobody by name: the groups that appliances answer to, and the neighbours that
//! have an address on the link alone. Both get through where a bridge of the sandbox is joined to the LAN, or where
//! somebody forwards for it. And the host answers for itself, where it runs such a service on every bridge.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use policy::Policy;
use record::cellblock::{Expect, ProbeKind};

use super::draft::Draft;
use super::{Post, bridges};
use crate::host::Surroundings;
use crate::probe::Probe;
use crate::probe::question::{Ask, ProbeTarget};

/// How many neighbours are tried that have an address on the link alone.
const NEIGHBOURS: usize = 3;

/// What answers to a question for everybody: its name, its groups, its port, and what its answers are worth.
struct Service {
    name: &'static str,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
    port: u16,
    gain: &'static str,
}

const SERVICES: [Service; 2] = [
    Service {
        name: "mdns",
        v4: Ipv4Addr::new(224, 0, 0, 251),
        v6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb),
        port: 5353,
        gain: "Learns the names and services of the machines around, in one question (RFC 6762).",
    },
    Service {
        name: "ssdp",
        v4: Ipv4Addr::new(239, 255, 255, 250),
        v6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc),
        port: 1900,
        gain: "Learns which routers and appliances take orders, and where (UPnP).",
    },
];

/// Asked on each link of the vantage; the control on the host's LAN, where it is known which interface that is.
pub(super) fn probes(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, post: Post<'_>) {
    for inside in bridges::interfaces(policy, post) {
        for service in &SERVICES {
            group(draft, around, service, &inside);
        }
        let lan = around.on_link.iter().filter(|(_, interface)| Some(interface) == around.uplink.as_ref());
        for (ip, interface) in lan.take(NEIGHBOURS) {
            let ask = Ask::new(ProbeKind::Icmp, ProbeTarget::OnLink(IpAddr::V6(*ip), inside.clone()), 0);
            let gain = "Finds a machine of the LAN on a link that should not lead there.";
            let probe = Probe::new(format!("lan.{ip}.{inside}.icmp"), Expect::Blocked, ask, gain);
            draft.add(probe.control(ProbeKind::Icmp, &format!("{ip}%{interface}"), 0));
        }
    }
}

fn group(draft: &mut Draft<'_>, around: &Surroundings, service: &Service, inside: &str) {
    let Service { name, v4, v6, port, gain } = service;
    let Some(uplink) = &around.uplink else { return };
    let over_v6 = around.links.contains_key(uplink).then_some(IpAddr::V6(*v6));
    for ip in [Some(IpAddr::V4(*v4)), over_v6].into_iter().flatten() {
        let ask = Ask::new(ProbeKind::Udp, ProbeTarget::OnLink(ip, inside.to_owned()), *port);
        let probe = Probe::new(format!("discovery.{name}.{ip}.{inside}"), Expect::Blocked, ask, *gain);
        draft.add(probe.control(ProbeKind::Udp, &format!("{ip}%{uplink}"), *port));
    }
}
