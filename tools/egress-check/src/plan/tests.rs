//! The plan of the shipped policy, for a home with one address of each family.

use super::*;
use crate::probe::question::ProbeTarget;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use record::cellblock::{Evidence, Expect, ProbeKind};

fn shipped(change: impl Fn(String) -> String) -> Policy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/policy.toml");
    let text = change(std::fs::read_to_string(&path).unwrap());
    Policy::parse(&text, &path, Path::new("/srv/cellblock")).unwrap()
}

/// A host with one address of each family, a router, a NAS and sshd.
fn home() -> Surroundings {
    let ips = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<BTreeSet<_>>();
    Surroundings {
        own: ips(&["192.168.1.5", "2001:db8:1::5"]),
        routers: ips(&["192.168.1.1"]),
        neighbours: ips(&["192.168.1.1", "192.168.1.20", "172.30.1.2", "2001:db8:1::20", "fd6c:6c62:1::2"]),
        on_link: BTreeSet::from([
            ("fe80::1".parse().unwrap(), "eno1".to_owned()),
            ("fe80::42:acff:fe1e:102".parse().unwrap(), "br-cell".to_owned()),
        ]),
        uplink: Some("eno1".to_owned()),
        links: BTreeMap::from([
            ("br-cell".to_owned(), "fe80::42:5eff:fe1e:101".parse().unwrap()),
            ("eno1".to_owned(), "fe80::5".parse().unwrap()),
        ]),
        v6: true,
        v4_only: false,
        listening: BTreeSet::from([22]),
        sockets: vec!["/var/run/docker.sock".into()],
    }
}

fn of(policy: &Policy, container: &str) -> Vec<Probe> {
    let scope = Scope { container: Some(container.to_owned()), network: None };
    plan(policy, &home(), &scope, &[]).unwrap()
}

#[test]
fn the_shipped_policy_has_eighty_probes_and_more_for_the_cell_each_with_an_id_and_a_sentence() {
    let probes = plan(&shipped(|text| text), &home(), &Scope::default(), &[]).unwrap();
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut ids = BTreeSet::new();
    for probe in &probes {
        *counts.entry(probe.container.as_deref().unwrap()).or_default() += 1;
        assert!(ids.insert(&probe.id), "{} stands twice", probe.id);
        assert!(probe.gain.ends_with('.') && probe.gain.contains(' '), "{}: {:?}", probe.id, probe.gain);
    }
    assert!(counts["cell"] >= 80, "{counts:?}");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["cell", "clamd", "monitor", "proxy", "warden"]);
}

#[test]
fn an_open_cell_has_the_internet_and_nothing_private() {
    let probes = of(&shipped(|text| text), "cell");
    let expected = |id: &str| probes.iter().find(|probe| probe.id == id).map(|probe| probe.expect);
    assert_eq!(expected("cell.internet.example.com.https"), Some(Expect::Pass));
    for id in [
        "cell.host.192.168.1.5.tcp.22",
        "cell.host.2001:db8:1::5.icmp",
        "cell.router.192.168.1.1.udp.53",
        "cell.lan.192.168.1.20.tcp.445",
        "cell.metadata.169.254.169.254.http",
        "cell.gateway.172.30.1.1.icmp",
        "cell.engine.docker",
        "cell.tailnet.100.100.100.100.udp.53",
        "cell.link.br-cell.eth0.icmp",
        "cell.link.br-cell.eth0.all-nodes",
        "cell.neighbour.172.30.2.2.tcp.80",
        "cell.gateway.fd6c:6c62:1::1.udp.53",
        "cell.lan.2001:db8:1::20.tcp.22",
        "cell.lan.fe80::1.eth0.icmp",
        "cell.discovery.mdns.224.0.0.251.eth0",
        "cell.discovery.ssdp.ff02::c.eth0",
    ] {
        assert_eq!(expected(id), Some(Expect::Blocked), "{id}");
    }
    assert_eq!(expected("cell.internet.2620:fe::fe.dns-tcp"), Some(Expect::Pass));
    assert!(!probes.iter().any(|probe| probe.id.starts_with("cell.lan.172.30.")), "its own bridge is no LAN");
    assert!(!probes.iter().any(|probe| probe.id.starts_with("cell.lan.fd6c:") || probe.id.contains("fe80::42:acff")));
}

#[test]
fn the_door_of_a_name_that_is_another_client_s_is_tried_and_must_be_shut() {
    let probes = of(&shipped(|text| text.replace("\"open\"", "\"proxied\"")), "cell");
    let door = probes.iter().find(|probe| probe.id == "cell.gate.other-client.database.clamav.net.172.30.1.2.door");
    let request = door.and_then(|probe| probe.ask.request.as_ref()).unwrap();
    assert_eq!(request.host, "database.clamav.net.gate.internal");
    assert_eq!(door.unwrap().expect, Expect::Blocked);
}

#[test]
fn neighbours_of_one_family_leave_room_for_the_other() {
    let many = (1..100).map(|last| IpAddr::V4(Ipv4Addr::new(192, 168, 1, last)));
    let around = Surroundings { neighbours: many.chain(["2001:db8:1::20".parse().unwrap()]).collect(), ..home() };
    let scope = Scope { container: Some("cell".to_owned()), network: None };
    let probes = plan(&shipped(|text| text), &around, &scope, &[]).unwrap();
    assert!(probes.iter().any(|probe| probe.id == "cell.lan.2001:db8:1::20.tcp.445"));
}

#[test]
fn whoever_looks_for_the_lan_is_held_against_the_lan_and_not_against_a_bridge_that_the_cell_answers_on() {
    let probes = of(&shipped(|text| text), "cell");
    let looking: Vec<&Probe> = probes.iter().filter(|probe| probe.id.starts_with("cell.discovery.")).collect();
    assert_eq!(looking.len(), 4);
    for probe in looking {
        assert!(probe.control.as_ref().unwrap().address.ends_with("%eno1"), "{}", probe.id);
        assert!(probe.ask.whom.to_string().ends_with("%eth0"), "{}", probe.id);
    }
    let around = Surroundings { uplink: None, ..home() };
    let scope = Scope { container: Some("cell".to_owned()), network: None };
    let probes = plan(&shipped(|text| text), &around, &scope, &[]).unwrap();
    assert!(!probes.iter().any(|probe| probe.id.starts_with("cell.discovery.")), "no LAN to be found");
}

#[test]
fn a_host_without_ipv6_promises_none_and_a_bridge_that_is_not_there_has_no_link() {
    let around = Surroundings { v6: false, links: BTreeMap::new(), ..home() };
    let scope = Scope { container: Some("cell".to_owned()), network: None };
    let probes = plan(&shipped(|text| text), &around, &scope, &[]).unwrap();
    assert!(!probes.iter().any(|probe| probe.id.contains("2620:fe::fe") || probe.id.starts_with("cell.link.")));
}

#[test]
fn where_the_engine_masquerades_no_ipv6_the_cell_is_promised_none_and_all_else_is_tried_over_it() {
    let scope = Scope { container: Some("cell".to_owned()), network: None };
    let ids = |around: &Surroundings| -> BTreeSet<String> {
        plan(&shipped(|text| text), around, &scope, &[]).unwrap().into_iter().map(|probe| probe.id).collect()
    };
    let fewer = ids(&Surroundings { v4_only: true, ..home() });
    let missing: Vec<String> = ids(&home()).difference(&fewer).cloned().collect();
    assert_eq!(missing, ["cell.internet.2620:fe::fe.dns-tcp"]);
}

#[test]
fn docker_s_own_resolver_is_asked_by_its_address_whatever_resolv_conf_says() {
    let policy = shipped(|text| text);
    for container in ["monitor", "clamd"] {
        let probes = of(&policy, container);
        let direct = probes.iter().filter(|probe| probe.ask.whom == ProbeTarget::read("127.0.0.11"));
        let direct: Vec<&Probe> = direct.collect();
        assert!(direct.len() >= 4, "{container}");
        for probe in direct {
            assert_eq!(probe.control.as_ref().unwrap().address, "9.9.9.9", "{}", probe.id);
            assert!(probe.ask.question.as_ref().unwrap().unique);
        }
    }
}

#[test]
fn a_proxied_cell_has_only_what_lists_it() {
    let policy = shipped(|text| {
        text.replace("network   = \"open\"", "network   = \"proxied\"")
            .replace("network = \"open\"", "network = \"proxied\"")
    });
    assert_eq!(policy.cell.network, Shape::Proxied, "the shipped policy is written otherwise now");
    for probe in of(&policy, "cell").iter().filter(|probe| probe.expect == Expect::Pass) {
        assert!(probe.id.starts_with("cell.gate.listed."), "{}", probe.id);
    }
}

#[test]
fn an_open_cell_with_a_key_at_the_gate_is_tried_there_and_has_the_internet_beside() {
    let policy = shipped(|text| text.replace("# credential = \"anthropic-key\"", "credential = \"anthropic-key\""));
    let probes = of(&policy, "cell");
    let find = |id: &str| probes.iter().filter(|probe| probe.id.starts_with(id)).collect::<Vec<_>>();
    let listed = find("cell.gate.listed.");
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].id.contains("api.anthropic.com") && listed[0].expect == Expect::Pass);
    assert!(!find("cell.gate.other-client.github.com").is_empty() && !find("cell.gate.off-list.").is_empty());
    assert!(!find("cell.internet.").is_empty() && find("cell.internet.api.anthropic.com").is_empty());
    assert!(!find("cell.gateway.172.30.6.1").is_empty(), "the host's end of the bridge");
    assert!(find("cell.neighbour.172.30.6.").is_empty(), "the gate is no neighbour there");
    assert!(of(&shipped(|text| text), "cell").iter().all(|probe| !probe.id.contains(".gate.")), "no key, no gate");
}

#[test]
fn where_the_gate_opens_tls_the_same_limits_are_tried_inside_it() {
    let policy = shipped(|text| {
        text.replace("network   = \"open\"", "network   = \"proxied\"").replace(
            "host    = \"docs.openclaw.ai\"\nclients = [\"cell\"]\ntls     = \"passthrough\"",
            "host    = \"docs.openclaw.ai\"\nclients = [\"cell\"]\ntls     = \"inspect\"\nmethods = [\"GET\"]\npaths = [\"/a/\"]",
        )
    });
    let probes = of(&policy, "cell");
    let of_docs: Vec<&Probe> = probes.iter().filter(|probe| probe.id.contains(".docs.openclaw.ai")).collect();
    let ids: Vec<&str> = of_docs.iter().map(|probe| probe.id.as_str()).collect();
    assert!(ids.contains(&"cell.gate.listed.docs.openclaw.ai/a/"), "{ids:?}");
    assert!(
        ids.contains(&"cell.gate.limit.docs.openclaw.ai.path")
            && ids.contains(&"cell.gate.limit.docs.openclaw.ai.method")
    );
    assert!(!ids.contains(&"cell.gate.limit.docs.openclaw.ai.tls"), "the handshake is the gate's own");
    assert!(of_docs.iter().all(|probe| (probe.ask.kind, probe.ask.port) == (ProbeKind::Https, 443)), "{of_docs:?}");
}

#[test]
fn a_wildcard_above_a_name_takes_none_of_the_limits_of_the_name_s_own_rules_out_of_the_plan() {
    let policy = shipped(|text| {
        format!(
            "{text}\n[[egress]]\nhost = \"*.github.com\"\nclients = [\"monitor\"]\n{}",
            "[[egress]]\nhost = \"api.github.com\"\nclients = [\"monitor\"]\nmethods = [\"GET\"]\npaths = [\"/a/\"]\n"
        )
    });
    let ids: Vec<String> = of(&policy, "monitor").into_iter().map(|probe| probe.id).collect();
    for limit in ["path", "method", "tls"] {
        let id = format!("monitor.gate.limit.api.github.com.{limit}");
        assert!(ids.contains(&id), "{id}");
    }
}

#[test]
fn whatever_passes_the_monitors_gate_is_listed_for_it() {
    let policy = shipped(|text| text);
    let probes = of(&policy, "monitor");
    let passing: Vec<&Probe> = probes.iter().filter(|probe| probe.expect == Expect::Pass).collect();
    assert!(!passing.is_empty());
    for probe in passing {
        let name = probe.ask.whom.to_string();
        assert!(policy.egress_for("monitor").any(|rule| rule.host.matches(&name)), "{}", probe.id);
    }
    let unique =
        |probe: &&Probe| probe.evidence == Evidence::OutsideName && probe.ask.question.as_ref().unwrap().unique;
    assert!(probes.iter().filter(unique).count() >= 4);
    assert!(probes.iter().any(|probe| probe.ask.kind == ProbeKind::Quic));
}

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/egress-check.1");

/// The rows of the manual's table: the cell's probes, without the container's name.
fn rows(probes: &[Probe]) -> String {
    let row = |probe: &Probe| {
        let id = probe.id.split_once('.').map_or("", |(_, id)| id);
        let expect = if probe.expect == Expect::Pass { "pass" } else { "blocked" };
        format!(".It {id} Ta {expect} Ta {}\n", probe.gain)
    };
    probes.iter().map(row).collect()
}

/// `BLESS=1 cargo nextest run` writes the table anew.
#[test]
fn the_manual_has_the_table_of_the_cells_probes() {
    const BEGIN: &str = ".\\\" The table: begin\n";
    const END: &str = ".\\\" The table: end\n";
    let manual = std::fs::read_to_string(MANUAL).unwrap();
    let (before, rest) = manual.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let rows = rows(&of(&shipped(|text| text), "cell"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(MANUAL, [before, BEGIN, &rows, END, after].concat()).unwrap();
        return;
    }
    assert_eq!(table, rows, "BLESS=1 writes it anew");
    assert!(rows.lines().count() >= 80);
}

/// The sort of a probe: the word behind the container's name, two of them at the gate.
fn group(probe: &Probe) -> String {
    let id = probe.id.split_once('.').unwrap().1;
    let words = if id.starts_with("gate.") { 2 } else { 1 };
    id.split(['.', '/']).take(words).collect::<Vec<_>>().join(".")
}

#[test]
fn the_manual_describes_every_sort_of_probe_and_no_other() {
    let manual = std::fs::read_to_string(MANUAL).unwrap();
    let (_, rest) = manual.split_once(".\\\" The groups: begin\n").unwrap();
    let (list, _) = rest.split_once(".\\\" The groups: end\n").unwrap();
    let described = list.lines().filter_map(|line| line.strip_prefix(".It Li ")).map(str::to_owned);
    let mut policy = shipped(|text| text);
    policy.moat.deny.push(policy::Deny::Net("203.0.113.0/24".parse().unwrap()));
    policy.moat.allow.push("cell 192.168.1.9:631/tcp".parse().unwrap());
    let target = "192.168.1.30".parse().unwrap();
    let probes = plan(&policy, &home(), &Scope::default(), &[target]).unwrap();
    assert_eq!(described.collect::<BTreeSet<_>>(), probes.iter().map(group).collect());
}

#[test]
fn what_nobody_has_is_refused_with_a_way_out() {
    let policy = shipped(|text| text);
    let refused = |scope: Scope| plan(&policy, &home(), &scope, &[]).unwrap_err().to_string();
    assert!(refused(Scope { container: Some("web".into()), network: None }).contains("--network"));
    assert!(refused(Scope { container: None, network: Some("lan".into()) }).contains("monitor"));
}
