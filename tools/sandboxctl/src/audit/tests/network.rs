//! The networks' controls.

use std::collections::BTreeMap;

use engine::Families;
use serde_json::{Value, json};

use super::super::control::Verdict;
use super::super::network;
use super::{merge, policy};

fn network_verdicts(found: Result<Option<Value>, String>) -> BTreeMap<&'static str, Verdict> {
    on_a_kernel_with(Families::Both, found)
}

fn on_a_kernel_with(families: Families, found: Result<Option<Value>, String>) -> BTreeMap<&'static str, Verdict> {
    let policy = policy();
    let found = found.map(|found| found.map(|value| serde_json::from_value(value).unwrap()));
    let subject = network::Subject::of(&policy, policy.network("monitor").unwrap(), families, Some(&found));
    network::ALL.iter().map(|control| (control.id, (control.judge)(&subject))).collect()
}

fn monitor() -> Value {
    json!({
        "Driver": "bridge", "EnableIPv6": true, "Internal": true, "Containers": {"1": {"Name": "monitor"}, "2": {"Name": "proxy"}},
        "IPAM": {"Config": [{"Subnet": "172.30.2.0/24"}, {"Subnet": "fd6c:6c62:2::/64"}]},
        "Options": {"com.docker.network.bridge.name": "br-monitor", "com.docker.network.bridge.enable_ip_masquerade": "false"}
    })
}

#[test]
fn a_network_is_held_against_what_the_moat_guards() {
    assert!(network_verdicts(Ok(Some(monitor()))).values().all(|verdict| matches!(verdict, Verdict::Pass { .. })));
    for (id, patch) in [
        ("cellblock-network-bridge", json!({"Options": {"com.docker.network.bridge.name": "br-other"}})),
        ("cellblock-network-bridge", json!({"Options": {"com.docker.network.bridge.name": null}})),
        ("cellblock-network-bridge", json!({"Driver": "macvlan"})),
        ("cellblock-network-subnets", json!({"IPAM": {"Config": [{"Subnet": "172.30.2.0/24"}]}})),
        (
            "cellblock-network-subnets",
            json!({"IPAM": {"Config": [{"Subnet": "172.30.9.0/24"}, {"Subnet": "fd6c:6c62:2::/64"}]}}),
        ),
        ("cellblock-network-subnets", json!({"EnableIPv6": false})),
        ("cellblock-network-internal", json!({"Internal": false})),
        ("cellblock-network-masquerade", json!({"Options": {"com.docker.network.bridge.enable_ip_masquerade": null}})),
        ("cellblock-network-members", json!({"Containers": {"3": {"Name": "stranger"}}})),
    ] {
        let mut weak = monitor();
        merge(&mut weak, &patch);
        let verdict = &network_verdicts(Ok(Some(weak)))[id];
        assert!(matches!(verdict, Verdict::Fail { .. }), "{id} with {patch}: {verdict:?}");
    }
}

#[test]
fn a_kernel_without_ipv6_has_the_networks_of_ipv4_alone() {
    let verdict = |found| on_a_kernel_with(Families::V4, Ok(Some(found)))["cellblock-network-subnets"].clone();
    let mut four = monitor();
    merge(&mut four, &json!({"EnableIPv6": false, "IPAM": {"Config": [{"Subnet": "172.30.2.0/24"}]}}));
    assert!(matches!(verdict(four), Verdict::Pass { .. }));
    assert!(matches!(verdict(monitor()), Verdict::Fail { .. }), "it was made for another kernel");
}

#[test]
fn a_network_that_is_missing_fails_once_and_one_that_nobody_told_of_is_unknown() {
    let missing = network_verdicts(Ok(None));
    assert!(matches!(missing["cellblock-network-present"], Verdict::Fail { .. }));
    assert_eq!(missing.values().filter(|verdict| **verdict == Verdict::NotApplicable).count(), missing.len() - 1);
    assert!(
        network_verdicts(Err("no answer".to_owned()))
            .values()
            .all(|verdict| matches!(verdict, Verdict::Unknown { .. }))
    );
}
