//! What several parts derive from the policy.

use std::path::Path;

use policy::{Class, NetworkName, Policy, Service, Shape};

use crate::sample::{DESIGN, SMALLEST, design, parse, takes, takes_more};

fn proxied() -> Policy {
    takes("\"open\"", "\"proxied\"")
}

/// name, class, internal, masquerade, members
fn table(policy: &Policy) -> Vec<(String, Class, bool, bool, Vec<Service>)> {
    let row = |n: &policy::Network| (n.name.to_string(), n.class, n.internal, n.masquerade, n.members.clone());
    policy.active_networks().map(row).collect()
}

#[test]
fn an_open_cell_has_the_networks_of_design_section_1() {
    use Class::{Open, Sealed};
    use Service::{Clamd, Monitor, Proxy, Vault};
    let expected = vec![
        ("cell".into(), Open, false, true, vec![Vault]),
        ("egress".into(), Open, false, true, vec![Proxy]),
        ("monitor".into(), Sealed, true, false, vec![Proxy, Monitor]),
        ("warden".into(), Sealed, true, false, vec![Proxy, Clamd]),
    ];
    assert_eq!(table(&design()), expected);
}

#[test]
fn a_proxied_cell_has_the_networks_of_design_section_1() {
    use Class::{Open, Sealed};
    use Service::{Clamd, Monitor, Proxy, Vault};
    let expected = vec![
        ("cell".into(), Sealed, true, false, vec![Proxy, Vault]),
        ("egress".into(), Open, false, true, vec![Proxy]),
        ("ingress".into(), Sealed, false, false, vec![Vault]),
        ("monitor".into(), Sealed, true, false, vec![Proxy, Monitor]),
        ("warden".into(), Sealed, true, false, vec![Proxy, Clamd]),
    ];
    assert_eq!(table(&proxied()), expected);
}

#[test]
fn the_gate_serves_the_cell_only_when_it_is_proxied() {
    let names = |policy: &Policy| policy.gate_clients().map(|network| network.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&design()), ["monitor", "warden"]);
    assert_eq!(names(&proxied()), ["cell", "monitor", "warden"]);
}

const MODEL: &str = "model = { bridge = \"br-model\", subnets = [\"172.30.6.0/24\", \"fd6c:6c62:6::/64\"] }\n\n[moat]";
const KEYED: &str = "\n[[egress]]\nhost = \"api.example.com\"\nclients = [\"cell\"]\ncredential = \"model-key\"\n\
    [[egress]]\nhost = \"keyless.example.com\"\nclients = [\"cell\"]\n";

#[test]
fn an_open_cell_finds_the_gate_for_the_names_whose_key_it_holds_and_for_no_other() {
    let text = DESIGN.replace("[moat]", MODEL);
    assert!(!table(&parse(&text).unwrap()).iter().any(|network| network.0 == "model"), "no key, no network");
    let policy = parse(&format!("{text}{KEYED}")).unwrap();
    let model = policy.active_networks().find(|network| network.name == NetworkName::MODEL).unwrap();
    assert!(model.internal && !model.masquerade && model.class == Class::Sealed);
    assert_eq!(model.members, [Service::Proxy, Service::Vault]);
    let names = |client: &str| policy.egress_for(client).map(|rule| rule.host.to_string()).collect::<Vec<_>>();
    assert_eq!(names("model"), ["api.example.com"]);
    let proxied = parse(&format!("{text}{KEYED}").replace("\"open\"", "\"proxied\"")).unwrap();
    assert!(proxied.active_networks().all(|network| network.name != NetworkName::MODEL), "the cell's own serves");
    let error = parse(&format!("{DESIGN}{KEYED}")).expect_err("an open cell with a key at the gate and no way there");
    assert!(error.to_string().contains("add model = {"), "{error}");
}

#[test]
fn nobody_is_listed_as_the_network_model() {
    let rule = "\n[[egress]]\nhost = \"x.example.com\"\nclients = [\"model\"]\n";
    let error = parse(&format!("{}{rule}", DESIGN.replace("[moat]", MODEL))).expect_err("model is no client");
    assert!(error.to_string().contains("asks as the cell"), "{error}");
}

#[test]
fn addresses_are_fixed_by_the_subnet_and_the_service() {
    let policy = proxied();
    let cell = policy.network("cell").unwrap();
    let text = |(v4, v6): (std::net::Ipv4Addr, std::net::Ipv6Addr)| format!("{v4} {v6}");
    assert_eq!(text(cell.gateway()), "172.30.1.1 fd6c:6c62:1::1");
    assert_eq!(cell.address_of(Service::Proxy).map(text).as_deref(), Some("172.30.1.2 fd6c:6c62:1::2"));
    assert_eq!(cell.address_of(Service::Vault).map(text).as_deref(), Some("172.30.1.3 fd6c:6c62:1::3"));
    assert_eq!(cell.address_of(Service::Monitor), None);
    assert_eq!(cell.docker_name(), "cellblock-cell");
}

#[test]
fn no_two_members_of_a_network_share_an_address_and_the_narrowest_subnet_holds_all() {
    for policy in [takes("172.30.1.0/24", "172.30.1.248/29"), proxied()] {
        for network in policy.networks.values() {
            let mut addresses: Vec<_> =
                network.members.iter().filter_map(|member| network.address_of(*member)).collect();
            addresses.push(network.gateway());
            for (v4, v6) in &addresses {
                assert!(network.v4.contains(v4) && *v4 != network.v4.broadcast() && network.v6.contains(v6));
            }
            let count = addresses.len();
            addresses.sort_unstable();
            addresses.dedup();
            assert_eq!(addresses.len(), count, "{}", network.name);
        }
    }
}

#[test]
fn the_most_specific_host_decides() {
    let tables = "[[egress]]\nhost = \"*.example.com\"\nclients = [\"warden\"]\n\
                  [[egress]]\nhost = \"*.a.example.com\"\nclients = [\"warden\"]\nmethods = [\"HEAD\"]\n\
                  [[egress]]\nhost = \"x.a.example.com\"\nclients = [\"warden\"]\nmethods = [\"PUT\"]\n";
    let policy = takes_more(tables);
    let rule = |host: &str| policy.egress_to("warden", host).first().map(|rule| rule.host.to_string());
    assert_eq!(rule("y.example.com").as_deref(), Some("*.example.com"));
    assert_eq!(rule("y.a.example.com").as_deref(), Some("*.a.example.com"));
    assert_eq!(rule("x.a.example.com").as_deref(), Some("x.a.example.com"));
    assert_eq!(rule("example.com"), None);
    assert!(policy.egress_to("monitor", "y.example.com").is_empty());
}

#[test]
fn a_rule_allows_its_methods_below_its_paths() {
    let rule = design().egress.remove(0);
    assert!(rule.allows("GET", "/openclaw/openclaw/info/refs"));
    for (method, path) in
        [("PUT", "/openclaw/x"), ("get", "/openclaw/x"), ("GET", "/openclaw"), ("GET", "/other/openclaw/"), ("GET", "")]
    {
        assert!(!rule.allows(method, path), "{method} {path}");
    }
    assert!(rule.lists(NetworkName::MONITOR) && !rule.lists(NetworkName::CELL));
}

#[test]
fn containers_and_folders_have_their_names() {
    let policy = takes("container = \"cell\"\nnetwork", "container = \"agent\"\nnetwork");
    assert_eq!(policy.container(Service::Cell), "agent");
    assert_eq!(policy.container(Service::Proxy), "proxy");
    assert_eq!(policy.rendered(), Path::new("/srv/cellblock/rendered"));
    assert_eq!(policy.cell.share.image(), Path::new("/srv/cellblock/sandbox_data/share.img"));
    assert_eq!(policy.cell.share.mount_point(), Path::new("/srv/cellblock/sandbox_data/share"));
    assert_eq!(policy.cell.share.folder(), Path::new("/srv/cellblock/sandbox_data/share/sandbox"));
}

#[test]
fn what_is_left_out_is_as_design_has_it() {
    let (mut sample, smallest) = (design(), parse(SMALLEST).unwrap());
    sample.networks.remove(NetworkName::INGRESS);
    assert_eq!(smallest.cell, sample.cell);
    assert_eq!(smallest.networks, sample.networks);
    assert_eq!(smallest.moat, sample.moat);
    assert_eq!(smallest.proxy, sample.proxy);
    assert_eq!(smallest.vault, sample.vault);
    assert_eq!(smallest.audit, sample.audit);
    assert_eq!(format!("{:?}", smallest.warden), format!("{:?}", sample.warden));
    assert!(smallest.egress.is_empty() && smallest.repos.is_empty() && smallest.waivers.is_empty());
    assert_eq!(smallest.cell.network, Shape::Open);
}

#[test]
fn sections_may_be_written_in_any_order_and_notation() {
    let dotted = "cell.network = \"open\"\n".to_owned() + &SMALLEST.replace("[cell]\nnetwork = \"open\"\n", "");
    assert_eq!(parse(&dotted).unwrap().networks.len(), 4);
    let crlf = DESIGN.replace('\n', "\r\n");
    assert_eq!(parse(&crlf).unwrap().networks, design().networks);
    assert_eq!(parse(&format!("\u{feff}{DESIGN}")).unwrap().networks, design().networks);
}
