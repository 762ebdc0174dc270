//! Reads `[networks]`. Class, members and Docker's flags of the six networks follow from their name and the cell's
//! shape (DESIGN, section 1); other networks state their class.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::reader::schema;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::types::cidr;
use crate::{Class, Network, NetworkName, Service, Shape};

/// More bridges than a host can sensibly guard.
const MOST: usize = 32;
const CLASSES: [(&str, Class); 2] = [("open", Class::Open), ("sealed", Class::Sealed)];

/// What follows from a network's name and the shape.
struct Role {
    class: Class,
    internal: bool,
    masquerade: bool,
    members: Vec<Service>,
}

pub(crate) fn read(value: &Value<'_>, shape: Shape) -> Option<BTreeMap<NetworkName, Network>> {
    let entries = value.entries()?;
    if entries.len() > MOST {
        return value.refuse(format!("{} networks", entries.len()), format!("name at most {MOST}"));
    }
    let required = [NetworkName::CELL, NetworkName::MONITOR, NetworkName::WARDEN, NetworkName::EGRESS];
    let ingress = (shape == Shape::Proxied).then_some(NetworkName::INGRESS);
    let missing: Vec<&str> = required.into_iter().chain(ingress).filter(|name| !entries.contains_key(*name)).collect();
    for name in &missing {
        let why = if Some(*name) == ingress { ", which a proxied cell needs for its published port," } else { "" };
        value.refuse::<()>(
            format!("the network {name:?}{why} is missing"),
            format!("add {name} = {{ bridge = \"br-{name}\", subnets = [\"172.30.X.0/24\", \"fd6c:6c62:X::/64\"] }}"),
        );
    }
    let networks: Vec<Option<Network>> = entries
        .iter()
        .map(|(name, network)| {
            let word = value.child(name.get_ref(), name.span(), network.get_ref());
            let name: NetworkName = word.accept(name.get_ref().parse())?;
            let table = value.child(name.as_str(), network.span(), network.get_ref());
            read_one(&Section::of(&table, &schema::NETWORK)?, name, shape)
        })
        .collect();
    let networks: Option<Vec<Network>> = networks.into_iter().collect();
    let by_name = networks?.into_iter().map(|network| (network.name.clone(), network)).collect();
    missing.is_empty().then_some(by_name)
}

fn read_one(section: &Section<'_>, name: NetworkName, shape: Shape) -> Option<Network> {
    let bridge = section.required("bridge", Value::parsed);
    let subnets = section.required("subnets", subnets);
    let class = section.optional("class", |value| value.word(&CLASSES));
    let role = match (known_role(&name, shape), class?) {
        (Some(role), Some(class)) if role.class != class => section.refuse(
            "class",
            format!("the class of the network {name} follows from cell.network and is another one"),
            "remove the key",
        ),
        (Some(role), _) => Some(role),
        (None, Some(class)) => Some(extra_role(class)),
        (None, None) => section.refuse(
            "class",
            format!("the network {name} is none of Cellblock's own and has no class"),
            "add class = \"open\" or class = \"sealed\"",
        ),
    };
    let (bridge, (v4, v6), role) = (bridge?, subnets?, role?);
    let Role { class, internal, masquerade, members } = role;
    Some(Network { name, bridge, v4, v6, class, internal, masquerade, members })
}

/// The six networks of DESIGN, section 1.
fn known_role(name: &NetworkName, shape: Shape) -> Option<Role> {
    let open = |members| Role { class: Class::Open, internal: false, masquerade: true, members };
    let behind_gate = |members| Role { class: Class::Sealed, internal: true, masquerade: false, members };
    Some(match (name.as_str(), shape) {
        (NetworkName::CELL, Shape::Open) => open(vec![Service::Vault]),
        (NetworkName::CELL, Shape::Proxied) => behind_gate(vec![Service::Proxy, Service::Vault]),
        (NetworkName::INGRESS, _) => {
            Role { class: Class::Sealed, internal: false, masquerade: false, members: vec![Service::Vault] }
        }
        (NetworkName::MODEL, _) => behind_gate(vec![Service::Proxy, Service::Vault]),
        (NetworkName::MONITOR, _) => behind_gate(vec![Service::Proxy, Service::Monitor]),
        (NetworkName::WARDEN, _) => behind_gate(vec![Service::Proxy, Service::Clamd]),
        (NetworkName::EGRESS, _) => open(vec![Service::Proxy]),
        _ => return None,
    })
}

/// Another network of the user's: guarded when open, a client of the gate when sealed.
fn extra_role(class: Class) -> Role {
    match class {
        Class::Open => Role { class, internal: false, masquerade: true, members: Vec::new() },
        Class::Sealed => Role { class, internal: true, masquerade: false, members: vec![Service::Proxy] },
    }
}

/// One subnet of each family, in any order.
fn subnets(value: &Value<'_>) -> Option<(Ipv4Net, Ipv6Net)> {
    let ranges = value.each(|element| {
        let range = element.accept(cidr::parse(element.text()?))?;
        acceptable(element, range)
    })?;
    match ranges.as_slice() {
        [IpNet::V4(v4), IpNet::V6(v6)] | [IpNet::V6(v6), IpNet::V4(v4)] => Some((*v4, *v6)),
        _ => value.refuse(
            "a network has exactly one IPv4 and one IPv6 subnet",
            "write both, such as [\"172.30.1.0/24\", \"fd6c:6c62:1::/64\"]: rules for a family that is left out would not load",
        ),
    }
}

/// Private, wide enough for the host and the services, and not Tailscale's.
fn acceptable(value: &Value<'_>, range: IpNet) -> Option<IpNet> {
    const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let within = |outer: &str| outer.parse::<IpNet>().is_ok_and(|outer| outer.contains(&range));
    let (private, lengths) = match range {
        IpNet::V4(_) => (PRIVATE.into_iter().any(within), 8..=29),
        IpNet::V6(_) => (within("fc00::/7"), 32..=125),
    };
    if !private {
        let mend = "take it from 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8";
        return value.refuse(format!("{range} is not private: it would hide a part of the internet"), mend);
    }
    if within("fd7a:115c:a1e0::/48") {
        return value.refuse(format!("{range} belongs to Tailscale"), "take another part of fd00::/8");
    }
    if !lengths.contains(&range.prefix_len()) {
        let (widest, narrowest) = (lengths.start(), lengths.end());
        return value.refuse(format!("the prefix of {range}"), format!("write one from /{widest} to /{narrowest}"));
    }
    Some(range)
}
