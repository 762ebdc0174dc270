//! Each way to touch the composition has a stranger that has it. A harmless one beside it is not named.

use serde_json::{Value, json};

use super::super::facts::Facts;
use super::super::leak::Rules;
use super::super::tests::policy;
use super::{Composition, ways};

const VAULT: &str = "aaaaaaaaaaaa0000";
const CELL: &str = "cccccccccccc0000";

fn facts(name: &str, id: &str, host: Value, more: &Value) -> Facts {
    let mut told = json!({
        "Id": id, "Name": format!("/{name}"), "Config": {}, "State": {"Running": true}, "Mounts": [],
        "NetworkSettings": {"Networks": {}}, "HostConfig": {"NetworkMode": "bridge"}
    });
    let merge = |into: &mut Value, from: Value| {
        from.as_object().unwrap().iter().for_each(|(key, value)| into[key] = value.clone());
    };
    merge(&mut told["HostConfig"], host);
    merge(&mut told, more.clone());
    Facts::of(serde_json::from_value(told).unwrap(), Rules::built_in()).unwrap()
}

fn on(network: &str) -> Value {
    json!({"NetworkSettings": {"Networks": {network: {}}}})
}

fn bind(source: &str) -> Value {
    json!({"Mounts": [{"Type": "bind", "Source": source, "Destination": "/x", "RW": true}]})
}

/// The ways of a stranger among these others.
fn found(host: Value, more: &Value, others: &[Facts]) -> Vec<String> {
    let ours = [
        facts("vault", VAULT, json!({}), &on("cellblock-cell")),
        facts(
            "cell",
            CELL,
            json!({"NetworkMode": format!("container:{VAULT}")}),
            &json!({
                "Mounts": [{"Type": "volume", "Name": "notes", "Source": "/v/notes", "Destination": "/n", "RW": true}]
            }),
        ),
        facts("warden", "eeeeeeeeeeee0000", json!({"NetworkMode": "none"}), &on("none")),
    ];
    let networks = json!([
        {"Name": "vlan", "Driver": "macvlan", "Options": {"parent": "br-cell.10"}},
        {"Name": "copy", "Driver": "bridge", "Options": {"com.docker.network.bridge.name": "br-cell"}},
        {"Name": "own", "Driver": "bridge", "Options": {"com.docker.network.bridge.name": "br-own"}}
    ]);
    let networks: Vec<engine::models::Network> = serde_json::from_value(networks).unwrap();
    let refs: Vec<&Facts> = ours.iter().collect();
    let composition = Composition::of(&policy(), &refs, &networks, Some("/var/lib/docker".as_ref()));
    let one = facts("x", "1111111111110000", host, more);
    let all: Vec<&Facts> = ours.iter().chain(others).chain([&one]).collect();
    ways(&one, &all, &composition).unwrap()
}

#[test]
fn a_harmless_stranger_touches_nothing() {
    let volume =
        json!({"Mounts": [{"Type": "volume", "Name": "other", "Source": "/v/o", "Destination": "/n", "RW": true}]});
    for (host, more) in [
        (json!({}), on("bridge")),
        (json!({"NetworkMode": "none"}), on("none")),
        (json!({"NetworkMode": "own"}), on("own")),
        (json!({"PidMode": "private", "IpcMode": "shareable", "UTSMode": "host"}), json!({})),
        (json!({"CapAdd": ["NET_ADMIN", "CAP_CHOWN"]}), json!({})),
        (json!({"DeviceCgroupRules": ["c 10:232 rwm"]}), json!({})),
        (json!({"VolumesFrom": ["other:ro"]}), volume),
        (json!({}), bind("/srv/data")),
        (json!({}), bind("/sandbox_data_of_others")),
        (json!({"PidMode": "container:9999"}), json!({})),
    ] {
        assert_eq!(found(host.clone(), &more, &[]), [] as [&str; 0], "{host} {more}");
    }
}

#[test]
fn every_way_is_found_and_said() {
    let short = VAULT.get(..12).unwrap();
    for (host, more, said) in [
        (json!({"Privileged": true}), json!({}), "it is privileged"),
        (json!({"CapAdd": ["CAP_SYS_ADMIN"]}), json!({}), "the capability SYS_ADMIN"),
        (json!({"CapAdd": ["all"]}), json!({}), "the capability ALL"),
        (json!({"DeviceCgroupRules": ["b 254:* rw"]}), json!({}), "devices by the rule b 254:* rw"),
        (json!({"NetworkMode": "host"}), json!({}), "the host's network namespace"),
        (json!({"PidMode": "host"}), json!({}), "the host's pid namespace"),
        (json!({"IpcMode": "host"}), json!({}), "the host's ipc namespace"),
        (json!({"PidMode": format!("container:{CELL}")}), json!({}), "the pid namespace of cell"),
        (json!({"PidMode": "container:cell"}), json!({}), "the pid namespace of cell"),
        (json!({"NetworkMode": format!("container:{short}")}), json!({}), "the network namespace of vault"),
        (json!({"VolumesFrom": ["cell:ro"]}), json!({}), "the volumes of cell"),
        (
            json!({}),
            json!({"Mounts": [{"Type": "volume", "Name": "notes", "Source": "/v/notes", "Destination": "/n", "RW": false}]}),
            "the volume notes, read-only",
        ),
        (json!({}), on("cellblock-cell"), "the network cellblock-cell"),
        (json!({}), on("vlan"), "the network vlan"),
        (json!({}), on("copy"), "the network copy"),
        (
            json!({}),
            bind("/sandbox_data/share/sandbox/notes"),
            "/sandbox_data/share/sandbox/notes, which lies in /sandbox_data",
        ),
        (json!({}), bind("/vault"), "/vault, which holds /vault"),
        (json!({}), bind("/var/lib/docker/overlay2"), "/var/lib/docker/overlay2, which holds /var/lib/docker/overlay2"),
        (json!({}), bind("/run/docker.sock"), "an engine's socket by /run/docker.sock"),
    ] {
        let found = found(host.clone(), &more, &[]);
        assert!(found.iter().any(|way| way == said), "{host} {more}: {found:?}");
    }
    assert!(found(json!({}), &bind("/"), &[]).iter().any(|way| way.contains("which holds")));
}

#[test]
fn a_chain_is_followed_to_its_end_and_a_circle_ends_it() {
    let link = |name: &str, id: &str, host: Value| facts(name, id, host, &json!({}));
    let a = link("a", "2222222222220000", json!({"NetworkMode": format!("container:{VAULT}")}));
    let b = link("b", "3333333333330000", json!({"NetworkMode": "container:2222222222220000"}));
    let joins = |id: &str| json!({"NetworkMode": format!("container:{id}")});
    assert_eq!(
        found(joins("3333333333330000"), &json!({}), &[a, b]),
        ["the network namespace of vault, through b and a"]
    );
    let host = link("h", "4444444444440000", json!({"NetworkMode": "host"}));
    assert_eq!(found(joins("4444444444440000"), &json!({}), &[host]), ["the host's network namespace, through h"]);
    let near = facts("n", "5555555555550000", json!({}), &on("cellblock-cell"));
    assert_eq!(found(joins("5555555555550000"), &json!({}), &[near]), ["the network cellblock-cell, through n"]);
    let one = link("o", "6666666666660000", joins("7777777777770000"));
    let two = link("t", "7777777777770000", joins("6666666666660000"));
    assert_eq!(found(joins("6666666666660000"), &json!({}), &[one, two]), [] as [&str; 0]);
}

#[test]
fn mounts_that_nobody_could_tell_are_no_pass_but_hide_no_other_way() {
    let composition = Composition::of(&policy(), &[], &[], Some("/d".as_ref()));
    let mute = |host: Value| facts("x", "1111111111110000", host, &json!({"Mounts": null}));
    let one = mute(json!({}));
    assert!(ways(&one, &[&one], &composition).is_err());
    let one = mute(json!({"Privileged": true}));
    assert_eq!(ways(&one, &[&one], &composition).unwrap(), ["it is privileged"]);
}

#[test]
fn what_of_ours_the_engine_did_not_tell_is_no_pass_but_hides_no_other_way() {
    let one = |host: Value| facts("x", "1111111111110000", host, &json!({}));
    let (harmless, bare) = (one(json!({"NetworkMode": "none"})), one(json!({"PidMode": "host"})));
    let whole = || Composition::of(&policy(), &[], &[], Some("/d".as_ref()));
    assert_eq!(ways(&harmless, &[&harmless], &whole()), Ok(Vec::new()));
    for part in [whole().but_for(Some("500".to_owned())), Composition::of(&policy(), &[], &[], None)] {
        assert!(ways(&harmless, &[&harmless], &part).is_err());
        assert_eq!(ways(&bare, &[&bare], &part).unwrap(), ["the host's pid namespace"]);
    }
}

#[test]
fn who_may_write_what_the_host_runs_is_root_there_and_other_folders_are_nobody_s_business() {
    for source in ["/etc", "/", "/etc/cron.d", "/root/.ssh/authorized_keys", "/usr"] {
        let said = found(json!({}), &bind(source), &[]);
        assert!(!said.is_empty(), "{source}");
    }
    for source in ["/home/me/films", "/etc/letsencrypt", "/srv", "/var/log"] {
        assert_eq!(found(json!({}), &bind(source), &[]), [] as [&str; 0], "{source}");
    }
}

#[test]
fn a_process_that_entered_a_namespace_is_told_unless_docker_was_told_of_it_and_one_at_home_is_not() {
    let spaces =
        |net: &str, mnt: &str| -> engine::Namespaces { [("net", net.to_owned()), ("mnt", mnt.to_owned())].into() };
    let ours = [facts("vault", VAULT, json!({}), &on("cellblock-cell"))];
    let refs: Vec<&Facts> = ours.iter().collect();
    let mut composition = Composition::of(&policy(), &refs, &[], Some("/var/lib/docker".as_ref()));
    let named = |name: &str| (name.to_owned(), spaces("net:[2]", &format!("mnt:[{name}]")));
    let spaces = vec![spaces("net:[1]", "mnt:[1]")];
    composition.take_host(super::Host { spaces, ours: vec![named("vault"), named("cell")] }, None);
    let found = |mode: &str, in_effect: &[(&'static str, &str)]| {
        let mut one = facts("x", "1111111111110000", json!({ "NetworkMode": mode }), &json!({}));
        one.spaces = Some(Ok(in_effect.iter().map(|(kind, link)| (*kind, (*link).to_owned())).collect()));
        (ways(&one, &[&ours[0], &one], &composition), composition.is_entered(&one))
    };
    assert_eq!(found("none", &[("net", "net:[9]"), ("mnt", "mnt:[9]")]), (Ok(Vec::new()), false));
    let way = |text: &str| (Ok(vec![format!("{text}, by a process that entered it")]), true);
    assert_eq!(
        found("none", &[("net", "net:[9]"), ("net", "net:[2]")]),
        way("the network namespace of vault and cell")
    );
    assert_eq!(found("none", &[("mnt", "mnt:[1]")]), way("the host's mount namespace"));
    assert_eq!(found("host", &[("net", "net:[1]")]), (Ok(vec!["the host's network namespace".to_owned()]), false));
    assert!(found("none", &[]).0.is_err(), "it runs, and no process of it was seen");
    let mut ended = facts("x", "1111111111110000", json!({}), &json!({"State": {"Running": false}}));
    ended.spaces = Some(Ok(std::collections::BTreeSet::new()));
    assert_eq!(ways(&ended, &[&ended], &composition), Ok(Vec::new()));
    let mut unseen = facts("x", "1111111111110000", json!({}), &json!({}));
    unseen.spaces = Some(Err("not allowed".to_owned()));
    assert_eq!(ways(&unseen, &[&unseen], &composition), Err("not allowed".to_owned()));
}

#[test]
fn where_the_namespaces_of_one_of_ours_are_not_known_nobody_is_known_to_be_outside_of_them() {
    let mut composition = Composition::of(&policy(), &[], &[], Some("/d".as_ref()));
    let one = facts("x", "1111111111110000", json!({"NetworkMode": "none"}), &json!({}));
    assert_eq!(ways(&one, &[&one], &composition), Ok(Vec::new()));
    composition.take_host(super::Host::default(), Some("vault".to_owned()));
    assert_eq!(ways(&one, &[&one], &composition), Err("vault".to_owned()));
}
