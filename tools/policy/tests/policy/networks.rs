//! `[networks]`.

use policy::Class;

use crate::sample::{DESIGN, parse, refuses, takes};

const CELL: &str = "\"172.30.1.0/24\", \"fd6c:6c62:1::/64\"";
const INGRESS: &str = "ingress = { bridge = \"br-ingress\", subnets = [\"172.30.5.0/24\", \"fd6c:6c62:5::/64\"] }";

#[test]
fn each_network_has_one_subnet_of_each_family() {
    for bad in [
        "\"172.30.1.0/24\"",
        "\"fd6c:6c62:1::/64\"",
        "",
        "\"172.30.1.0/25\", \"172.30.1.128/25\"",
        "\"172.30.1.0/24\", \"fd6c:6c62:1::/64\", \"fd6c:6c62:9::/64\"",
    ] {
        refuses(CELL, bad, "networks.cell.subnets", "exactly one IPv4 and one IPv6");
    }
    takes(CELL, "\"fd6c:6c62:1::/64\", \"172.30.1.0/24\"");
}

#[test]
fn a_subnet_is_written_without_host_bits() {
    refuses("172.30.1.0/24", "172.30.1.7/24", "networks.cell.subnets[1]", "write 172.30.1.0/24");
    refuses("fd6c:6c62:1::/64", "fd6c:6c62:1::1/64", "networks.cell.subnets[2]", "write fd6c:6c62:1::/64");
    refuses("172.30.1.0/24", "172.30.1.0/33", "networks.cell.subnets[1]", "prefix length");
    refuses("172.30.1.0/24", "172.30.1/24", "networks.cell.subnets[1]", "is no range");
}

#[test]
fn a_subnet_is_private_and_has_room() {
    refuses("172.30.1.0/24", "8.8.8.0/24", "networks.cell.subnets[1]", "is not private");
    refuses("172.30.1.0/24", "172.0.0.0/8", "networks.cell.subnets[1]", "is not private");
    refuses("172.30.1.0/24", "100.64.1.0/24", "networks.cell.subnets[1]", "is not private");
    refuses("fd6c:6c62:1::/64", "2001:db8:1::/64", "networks.cell.subnets[2]", "is not private");
    refuses("fd6c:6c62:1::/64", "fd7a:115c:a1e0:1::/64", "networks.cell.subnets[2]", "Tailscale");
    refuses("172.30.1.0/24", "172.30.1.0/30", "networks.cell.subnets[1]", "/8 to /29");
    refuses("fd6c:6c62:1::/64", "fd6c:6c62:1::/126", "networks.cell.subnets[2]", "/32 to /125");
    takes("172.30.1.0/24", "172.30.1.0/29");
}

#[test]
fn subnets_do_not_overlap() {
    refuses("172.30.2.0/24", "172.30.1.128/25", "networks.monitor.subnets", "overlaps 172.30.1.0/24 of cell");
    refuses("fd6c:6c62:2::/64", "fd6c:6c62:1::/64", "networks.monitor.subnets", "of cell");
    takes("172.30.2.0/24", "172.30.0.0/24");
}

#[test]
fn no_two_networks_share_a_bridge() {
    refuses("\"br-monitor\"", "\"br-cell\"", "networks.monitor.bridge", "also the bridge of cell");
}

#[test]
fn a_bridge_name_that_a_rule_could_misread_is_refused() {
    for bad in ["br+", "br cell", "br/cell", "", "..", "sixteen-bytes-xx", "all"] {
        let error = parse(&DESIGN.replace("\"br-cell\"", &format!("{bad:?}"))).expect_err(bad);
        assert_eq!(error.faults()[0].key, "networks.cell.bridge", "{error}");
    }
}

#[test]
fn the_networks_that_cellblock_uses_must_be_there() {
    for name in ["monitor", "warden", "egress"] {
        let text: String =
            DESIGN.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect();
        let error = parse(&text).expect_err(name);
        assert!(error.faults()[0].problem.contains(&format!("the network {name:?} is missing")), "{error}");
    }
}

#[test]
fn ingress_must_be_there_only_when_the_cell_is_proxied() {
    takes(INGRESS, "");
    let proxied = DESIGN.replace("\"open\"", "\"proxied\"");
    assert!(parse(&proxied).is_ok());
    let error = parse(&proxied.replace(INGRESS, "")).expect_err("no way in");
    assert!(error.to_string().contains("ingress"), "{error}");
}

#[test]
fn another_network_states_its_class_and_a_known_one_does_not_contradict_it() {
    let extra = |class: &str| {
        format!(
            "{INGRESS}\nlab = {{ bridge = \"br-lab\", subnets = [\"172.30.9.0/24\", \"fd6c:6c62:9::/64\"]{class} }}"
        )
    };
    refuses(INGRESS, &extra(""), "networks.lab.class", "has no class");
    refuses(INGRESS, &extra(", class = \"guarded\""), "networks.lab.class", "\"open\" or \"sealed\"");
    assert_eq!(takes(INGRESS, &extra(", class = \"open\"")).network("lab").unwrap().class, Class::Open);
    assert!(takes(INGRESS, &extra(", class = \"sealed\"")).network("lab").unwrap().internal);
    refuses("\"br-monitor\",", "\"br-monitor\", class = \"open\",", "networks.monitor.class", "is another one");
    takes("\"br-monitor\",", "\"br-monitor\", class = \"sealed\",");
}

#[test]
fn a_network_has_a_plain_name() {
    for bad in ["Lab", "1lab", "\"la b\"", "\"\"", "lab_1", "a2345678901234567890123456789012"] {
        let text = DESIGN.replace(INGRESS, &format!("{INGRESS}\n{bad} = {{ bridge = \"br-lab\", subnets = [\"172.30.9.0/24\", \"fd6c:6c62:9::/64\"], class = \"open\" }}"));
        let error = parse(&text).expect_err(bad);
        assert!(error.faults()[0].problem.contains("is no network name"), "{error}");
    }
}

#[test]
fn a_host_has_no_more_than_32_guarded_bridges() {
    let line = |n: usize| {
        format!(
            "n{n} = {{ bridge = \"br-n{n}\", subnets = [\"10.0.{n}.0/24\", \"fd00:0:0:{n}::/64\"], class = \"open\" }}\n"
        )
    };
    let many = |count: usize| format!("{INGRESS}\n{}", (1..=count).map(line).collect::<String>());
    takes(INGRESS, &many(27));
    refuses(INGRESS, &many(28), "networks", "at most 32");
}
