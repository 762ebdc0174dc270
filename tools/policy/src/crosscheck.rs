//! What one section says about another: the checks that no section can make by itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use crate::reader::document::Document;
use crate::reader::value::Value;
use crate::{Class, Deny, Hole, Network, Policy, Protocol, Service, special_purpose_of};

mod gate;

/// Reports every contradiction between sections.
pub(crate) fn all(document: &Document<'_>, policy: &Policy) {
    bridges(document, policy);
    subnets(document, policy);
    holes(document, policy);
    resolvers(document, policy);
    folders(document, policy);
    anchors(document, policy);
    names(document, policy);
    gate::model(document, policy);
    gate::clients(document, policy);
    gate::rules(document, policy);
    gate::repos(document, policy);
    gate::classify(document, policy);
}

fn bridges(document: &Document<'_>, policy: &Policy) {
    let mut seen: HashMap<&str, &Network> = HashMap::new();
    for network in policy.networks.values() {
        if let Some(other) = seen.insert(network.bridge.as_str(), network) {
            let place = Value::at(document, &["networks", network.name.as_str(), "bridge"]);
            let problem = format!("{} is also the bridge of {}", network.bridge, other.name);
            place.refuse::<()>(problem, "give each network a bridge of its own");
        }
    }
}

fn subnets(document: &Document<'_>, policy: &Policy) {
    let networks: Vec<&Network> = policy.networks.values().collect();
    for (index, network) in networks.iter().enumerate() {
        for other in networks.iter().take(index) {
            let overlap = network
                .subnets()
                .into_iter()
                .zip(other.subnets())
                .find(|(mine, theirs)| mine.contains(theirs) || theirs.contains(mine));
            if let Some((mine, theirs)) = overlap {
                let place = Value::at(document, &["networks", network.name.as_str(), "subnets"]);
                let problem = format!("{mine} overlaps {theirs} of {}", other.name);
                place.refuse::<()>(problem, "give each network addresses of its own");
            }
        }
    }
}

fn holes(document: &Document<'_>, policy: &Policy) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, hole) in policy.moat.allow.iter().enumerate() {
        let number = (index + 1).to_string();
        let place = Value::at(document, &["moat", "allow", &number]);
        if let Err((problem, mend)) = hole_makes_sense(policy, hole) {
            place.refuse::<()>(problem, mend);
        }
        if let Some(first) = seen.insert(hole.to_string(), index + 1) {
            place.refuse::<()>(format!("the same hole as element {first}"), "remove one");
        }
    }
}

fn hole_makes_sense(policy: &Policy, hole: &Hole) -> Result<(), (String, String)> {
    let names = || policy.networks.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let Some(network) = policy.network(hole.network.as_str()) else {
        return Err((format!("there is no network {}", hole.network), format!("the networks are {}", names())));
    };
    if network.class == Class::Sealed {
        let problem = format!("the network {} is sealed: its members reach nothing but each other", network.name);
        let mend = "remove the hole; a proxied cell gets names by [[egress]]";
        return Err((problem, mend.to_owned()));
    }
    let (v4, v6) = network.gateway();
    let is_gateway = hole.addr == IpAddr::V4(v4) || hole.addr == IpAddr::V6(v6);
    let inside = policy.networks.values().find(|other| other.subnets().iter().any(|net| net.contains(&hole.addr)));
    match inside {
        Some(inside) if !(inside.name == network.name && is_gateway) => {
            let problem = format!("{} is an address of the network {}", hole.addr, inside.name);
            let mend = format!("peers need no hole, and other networks get none; the host itself is {v4} there");
            Err((problem, mend))
        }
        _ => Ok(()),
    }
}

/// A resolver that the moat denies answers nobody, unless there is a hole for it.
fn resolvers(document: &Document<'_>, policy: &Policy) {
    let askers = [
        ("cell", "dns", &policy.cell.dns, policy.network("cell")),
        ("proxy", "resolvers", &policy.proxy.resolvers, policy.network("egress")),
    ];
    for (section, key, addresses, network) in askers {
        let Some(network) = network.filter(|network| network.class == Class::Open) else {
            continue;
        };
        for (index, address) in addresses.iter().enumerate() {
            let number = (index + 1).to_string();
            let place = Value::at(document, &[section, key, &number]);
            let is_hole = |hole: &Hole| hole.addr == *address && (hole.port, hole.protocol) == (53, Protocol::Udp);
            let open = policy.moat.allow.iter().any(|hole| is_hole(hole) && network.name == hole.network.as_str());
            if let Some(why) = denied(policy, *address).filter(|_| !open) {
                let hole = Hole { network: network.name.clone(), addr: *address, port: 53, protocol: Protocol::Udp };
                let mend = format!("name a resolver on the internet, or add {:?} to moat.allow", hole.to_string());
                place.refuse::<()>(format!("the moat denies {address} ({why}): it could not be asked"), mend);
            }
        }
    }
}

/// Why the moat denies an address, as far as the policy alone can tell.
fn denied(policy: &Policy, address: IpAddr) -> Option<String> {
    let listed = policy.moat.deny.iter().find_map(|deny| match deny {
        Deny::Net(net) if net.contains(&address) => Some(format!("moat.deny {net}")),
        _ => None,
    });
    special_purpose_of(address).map(|block| block.name.to_owned()).or(listed)
}

/// What the cell can write must hold nothing that judges it, and no folder may be two things at once.
fn folders(document: &Document<'_>, policy: &Policy) {
    let share: (&[&str], &Path) = (&["cell", "share", "path"], &policy.cell.share.path);
    let jail: (&[&str], &Path) = (&["warden", "jail", "path"], &policy.warden.jail.path);
    let audit: (&[&str], &Path) = (&["audit", "directory"], &policy.audit.directory);
    for ((_, path), (other, other_path)) in [(share, jail), (share, audit), (jail, audit)] {
        if path.starts_with(other_path) || other_path.starts_with(path) {
            let problem = format!("{} and {} lie within each other", other_path.display(), path.display());
            Value::at(document, other)
                .refuse::<()>(problem, "give share, jail and audit folders of their own, side by side");
        }
    }
    for (place, path) in [share, jail, audit] {
        if policy.root.starts_with(path) {
            let problem = format!("{} holds the project root {}", path.display(), policy.root.display());
            Value::at(document, place).refuse::<()>(problem, "write a folder below the root, or beside it");
        }
    }
}

/// Who can change the record must not find its anchor there, nor beside the key.
fn anchors(document: &Document<'_>, policy: &Policy) {
    let record = &policy.audit.directory;
    let mut keys = record.clone().into_os_string();
    keys.push(".key");
    for anchor in &policy.audit.anchors {
        let crate::Anchor::File(path) = anchor else { continue };
        if path.starts_with(record) || path.starts_with(&keys) {
            let problem = format!("{} lies in the record's own folder, or in that of its key", path.display());
            Value::at(document, &["audit", "anchors"])
                .refuse::<()>(problem, "name a file that who writes the record cannot change, on another disk at best");
        }
    }
}

/// Names that are taken, and waivers said twice.
fn names(document: &Document<'_>, policy: &Policy) {
    let services = Service::ALL.into_iter().filter(|service| *service != Service::Cell);
    if let Some(service) = services.map(Service::as_str).find(|name| *name == policy.cell.container) {
        let place = Value::at(document, &["cell", "container"]);
        place.refuse::<()>(format!("{service} is the container of another service"), "write \"cell\"");
    }
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    for (index, waiver) in policy.waivers.iter().enumerate() {
        if let Some(first) = seen.insert((&waiver.control, &waiver.container), index + 1) {
            let number = (index + 1).to_string();
            let place = Value::at(document, &["waiver", &number, "control"]);
            place
                .refuse::<()>(format!("waived already, for the same container, by waiver {first}"), "keep one of them");
        }
    }
}
