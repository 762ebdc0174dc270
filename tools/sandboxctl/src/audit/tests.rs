//! Every control with an answer of the engine's that passes, one that fails, and one that says too little.

mod content;
mod engines;
mod image;
mod in_effect;
mod listening;
mod network;
mod weakness;

use std::path::Path;

use serde_json::{Value, json};

use super::control::{Control, Verdict};
use super::expect::Expect;
use super::facts::{Engine, Exec, Facts, Life, Subject};
use super::{container_controls, daemon, leak, network as networks};
use policy::Policy;

pub(super) fn policy() -> Policy {
    let text = include_str!("../../../../compose/policy.toml");
    Policy::parse(text, Path::new("/nowhere/policy.toml"), Path::new("/")).unwrap()
}

/// What Docker tells of a container as `compose.yaml` and the policy make it.
fn sound() -> Value {
    json!({
        "Id": "bbbb", "Name": "/stranger", "Image": "sha256:1", "Path": "sleep", "Args": ["9"], "AppArmorProfile": "docker-default",
        "State": {"Status": "running", "Running": true, "StartedAt": "2026-11-22T05:00:01Z", "Health": {"Status": "healthy"}},
        "Config": {"Image": "x", "User": "10001:10001", "Env": ["PATH=/usr/bin"], "Healthcheck": {"Test": ["CMD", "true"]}},
        "Mounts": [{"Type": "tmpfs", "Source": "", "Destination": "/tmp", "RW": true, "Propagation": ""}],
        "NetworkSettings": {"Ports": {}, "Networks": {"sealed": {}}},
        "HostConfig": sound_host()
    })
}

/// As text: the macro for JSON gives up on so many keys.
fn sound_host() -> Value {
    let told = r#"{
            "Privileged": false, "CapDrop": ["ALL"], "CapAdd": null, "SecurityOpt": ["no-new-privileges:true"], "ReadonlyRootfs": true,
            "Devices": [], "MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"], "NetworkMode": "sealed", "PidMode": "",
            "IpcMode": "private", "UTSMode": "", "UsernsMode": "", "CgroupnsMode": "private", "Dns": ["9.9.9.9"], "Memory": 1048576,
            "MemorySwap": 1048576, "NanoCpus": 500000000, "CpuQuota": 0, "CpuPeriod": 0, "PidsLimit": 32, "OomKillDisable": null, "OomScoreAdj": 0,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}, "Tmpfs": {"/tmp": "size=1m,noexec"},
            "RestartPolicy": {"Name": "no"}, "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}], "PortBindings": {}, "PublishAllPorts": false
    }"#;
    serde_json::from_str(told).unwrap()
}

/// The vault, started before every cell here but one.
fn vault() -> Life {
    Life { id: "aaaa".to_owned(), started: Some("2026-11-22T05:00:00.5Z".parse().unwrap()) }
}

fn able() -> Value {
    json!({
        "ServerVersion": "28.2.2", "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin"], "CgroupVersion": "2",
        "MemTotal": 8589934592_u64, "NCPU": 4, "MemoryLimit": true, "SwapLimit": true, "CpuCfsQuota": true, "PidsLimit": true, "Swarm": {"LocalNodeState": "inactive"},
        "RegistryConfig": {"InsecureRegistryCIDRs": ["127.0.0.0/8", "::1/128"]}
    })
}

/// RFC 7396: what is null in the patch goes away.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(target.as_object_mut().unwrap().entry(key).or_insert(json!({})), value);
        }
    }
}

/// Controls that rest on more than the engine's answer about one container: they have tests of their own.
const OF_WHAT_RUNS: [&str; 16] = [
    "cellblock-image",
    "cellblock-share",
    "cellblock-tls-inspected",
    "cellblock-strangers",
    "cis-docker-5.7",
    "cellblock-tunnels",
    "cis-docker-5.3",
    "cis-docker-4.2",
    "cis-docker-4.7",
    "cis-docker-4.8",
    "cellblock-layer-secret",
    "cellblock-mounted-secret",
    "cellblock-compose-secret",
    "cis-docker-4.9",
    "cis-docker-4.10",
    "cis-docker-4.11",
];

/// What Docker tells of itself.
fn docker(told: &Value) -> Engine {
    Engine { product: Some("Engine".to_owned()), ..Engine::of(serde_json::from_value(told.clone()).unwrap()) }
}

fn subject(name: &str, told: &Value, engine: &Value) -> Subject {
    Subject {
        layers: None,
        facts: Facts::of(serde_json::from_value(told.clone()).unwrap(), leak::Rules::built_in()).unwrap(),
        expect: Expect::of(&policy(), name, Some(&vault())),
        engine: docker(engine),
        image: Some("sha256:1".to_owned()),
        history: None,
        reach: None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is given is made for it, at the place of the call")]
fn verdict(id: &str, name: &str, patch: Value) -> Verdict {
    let mut told = sound();
    merge(&mut told, &patch);
    (control(id).judge)(&subject(name, &told, &able()))
}

fn control(id: &str) -> &'static Control<Subject> {
    container_controls().find(|control| control.id == id).unwrap_or_else(|| panic!("no control {id}"))
}

#[expect(clippy::needless_pass_by_value, reason = "what is given is made for it, at the place of the call")]
fn host(patch: Value) -> Value {
    json!({ "HostConfig": patch })
}

#[test]
fn a_sound_container_passes_every_control_that_concerns_it() {
    for control in container_controls() {
        let verdict = (control.judge)(&subject("stranger", &sound(), &able()));
        let beside = OF_WHAT_RUNS.contains(&control.id) || control.id.contains("-in-");
        assert!(
            matches!(verdict, Verdict::Pass { .. }) || (beside && verdict == Verdict::NotApplicable),
            "{}: {verdict:?}",
            control.id
        );
    }
}

#[test]
fn every_weakness_fails_its_control_and_says_what_was_expected_and_found() {
    for (id, patch) in weakness::all() {
        match verdict(id, "stranger", patch.clone()) {
            Verdict::Fail { expected, found } => {
                assert!(!expected.is_empty() && !found.is_empty(), "{id}: {expected:?} {found:?}");
            }
            other => panic!("{id} with {patch}: {other:?}"),
        }
    }
}

#[test]
fn there_is_a_weakness_in_this_table_for_every_control_of_a_container() {
    let covered: Vec<&str> = weakness::all().into_iter().map(|(id, _)| id).collect();
    let elsewhere = |id: &str| OF_WHAT_RUNS.contains(&id) || ["cis-docker-5.23", "cis-docker-5.24"].contains(&id);
    let by_engine = |id: &str| !elsewhere(id) && !id.contains("-in-");
    for control in container_controls().filter(|control| by_engine(control.id)) {
        assert!(covered.contains(&control.id), "{} is never seen to fail", control.id);
    }
}

#[test]
fn what_the_engine_did_not_tell_is_unknown() {
    let told = json!({
        "HostConfig": {"Privileged": null, "ReadonlyRootfs": null, "MaskedPaths": null, "NetworkMode": null, "PidMode": null, "IpcMode": null,
            "UTSMode": null, "UsernsMode": null, "CgroupnsMode": null, "Memory": null, "NanoCpus": null, "LogConfig": null, "OomScoreAdj": null, "RestartPolicy": null},
        "Config": {"User": null}, "Mounts": null, "NetworkSettings": null, "AppArmorProfile": null, "State": null
    });
    for id in [
        "cis-docker-5.5",
        "cis-docker-5.13",
        "cellblock-masked-paths",
        "cis-docker-5.10",
        "cis-docker-5.16",
        "cis-docker-5.17",
        "cis-docker-5.21",
        "cis-docker-5.31",
        "cellblock-cgroup-namespace",
        "cis-docker-5.30",
        "cellblock-networks",
        "cis-docker-5.11",
        "cis-docker-5.12",
        "cellblock-log-bound",
        "cellblock-restart",
        "cis-docker-5.32",
        "cis-docker-5.6",
        "cellblock-mounts",
        "cis-docker-5.20",
        "cis-docker-4.1",
        "cis-docker-5.2",
        "cellblock-running",
        "cis-docker-5.27",
        "cis-docker-5.18",
        "cellblock-sysctls",
        "cellblock-oom",
        "cellblock-tmpfs-bound",
        "cis-docker-5.8",
        "cis-docker-5.19",
        "cis-docker-5.25",
        "cellblock-groups",
        "cellblock-host-names",
        "cis-docker-5.9",
        "cis-docker-5.15",
    ] {
        let verdict = verdict(id, "stranger", told.clone());
        assert!(matches!(verdict, Verdict::Unknown { .. }), "{id}: {verdict:?}");
    }
    assert!(matches!(verdict("cellblock-image", "vault", json!({"Image": null})), Verdict::Unknown { .. }));
    let starting = verdict("cis-docker-5.27", "stranger", json!({"State": {"Health": {"Status": "starting"}}}));
    assert!(matches!(starting, Verdict::Unknown { .. }), "{starting:?}");
}

#[test]
fn the_profile_of_a_container_that_was_never_started_is_not_known_yet() {
    let created = |profile: &str, since: &str| {
        let state = json!({"Running": false, "StartedAt": since, "Health": null});
        verdict("cis-docker-5.2", "stranger", json!({"AppArmorProfile": profile, "State": state}))
    };
    assert!(matches!(created("", "0001-01-01T00:00:00Z"), Verdict::Unknown { .. }));
    assert!(matches!(created("unconfined", "0001-01-01T00:00:00Z"), Verdict::Fail { .. }));
    assert!(matches!(created("", "2026-11-22T05:00:01Z"), Verdict::Fail { .. }), "it ran without one");
}

#[test]
fn an_engine_that_says_nothing_leaves_what_rests_on_it_unknown() {
    let mute = subject("stranger", &sound(), &json!({}));
    for id in ["cis-docker-5.22", "cis-docker-5.2", "cellblock-cgroup-namespace"] {
        assert!(matches!((control(id).judge)(&mute), Verdict::Unknown { .. }), "{id}");
    }
    for control in daemon::ALL {
        assert!(matches!((control.judge)(&mute.engine), Verdict::Unknown { .. }), "{}", control.id);
    }
    assert!(
        Facts::of(serde_json::from_value(json!({"Id": "x", "Config": {}})).unwrap(), leak::Rules::built_in()).is_err()
    );
}

#[test]
fn the_engine_s_controls_pass_and_fail() {
    let judge = |id: &str, patch: Value| {
        let mut told = able();
        merge(&mut told, &patch);
        let control = daemon::ALL.iter().find(|control| control.id == id).unwrap();
        (control.judge)(&docker(&told))
    };
    for (id, patch) in [
        ("cellblock-engine-version", json!({"ServerVersion": "25.0.4"})),
        ("cellblock-engine-limits", json!({"PidsLimit": false})),
        ("cellblock-engine-seccomp", json!({"SecurityOptions": ["name=apparmor"]})),
        ("cellblock-engine-seccomp", json!({"SecurityOptions": ["name=seccomp,profile=unconfined"]})),
        ("cis-docker-5.1", json!({"Swarm": {"LocalNodeState": "active"}})),
        ("cis-docker-2.5", json!({"RegistryConfig": {"InsecureRegistryCIDRs": ["10.0.0.0/8"]}})),
    ] {
        assert!(matches!(judge(id, json!({})), Verdict::Pass { .. }), "{id}");
        assert!(matches!(judge(id, patch), Verdict::Fail { .. }), "{id}");
    }
}

#[test]
fn a_weakness_of_docker_s_is_said_of_docker_alone() {
    let control = daemon::ALL.iter().find(|control| control.id == "cellblock-engine-version").unwrap();
    let old = docker(&json!({"ServerVersion": "5.8.6"}));
    let of = |product: Option<&str>| (control.judge)(&Engine { product: product.map(str::to_owned), ..old.clone() });
    assert!(matches!(of(Some("Engine")), Verdict::Fail { .. }));
    assert_eq!(of(Some("Podman Engine")), Verdict::NotApplicable);
    assert!(matches!(of(None), Verdict::Unknown { .. }));
}

#[test]
fn the_cell_lives_in_the_vault_s_namespace_with_the_policy_s_limits() {
    let limits = json!({"NetworkMode": "container:aaaa", "Memory": 2147483648u64, "MemorySwap": 2147483648u64, "NanoCpus": 2000000000u64, "PidsLimit": 512});
    let user = json!({"User": "0:0"});
    let cell = json!({"HostConfig": limits, "Config": user, "NetworkSettings": {"Networks": null}, "Mounts": []});
    for id in ["cis-docker-5.11", "cis-docker-5.12", "cis-docker-5.29", "cis-docker-4.1"] {
        assert!(matches!(verdict(id, "cell", cell.clone()), Verdict::Pass { .. }), "{id}");
    }
    for (id, patch) in [
        ("cis-docker-5.11", json!({"MemorySwap": -1})),
        ("cis-docker-5.11", json!({"Memory": 4294967296u64})),
        ("cis-docker-5.12", json!({"NanoCpus": 4000000000u64})),
        ("cis-docker-5.29", json!({"PidsLimit": 513})),
    ] {
        let mut worse = cell.clone();
        merge(&mut worse, &host(patch));
        assert!(matches!(verdict(id, "cell", worse), Verdict::Fail { .. }), "{id}");
    }
    let at = |mode: &str| {
        verdict(
            "cellblock-networks",
            "cell",
            json!({"HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Networks": {}}}),
        )
    };
    assert!(matches!(at("container:aaaa"), Verdict::Pass { .. }));
    assert!(matches!(at("container:cccc"), Verdict::Fail { .. }), "another's namespace");
    assert!(matches!(at("cellblock-cell"), Verdict::Fail { .. }), "a namespace of its own");
    let since = |started: Value| {
        let state = json!({"HostConfig": {"NetworkMode": "container:aaaa"}, "State": {"StartedAt": started}});
        verdict("cellblock-networks", "cell", state)
    };
    assert!(matches!(since(json!("2026-11-22T05:00:00.4Z")), Verdict::Fail { .. }), "left behind by the vault");
    assert!(matches!(since(json!(null)), Verdict::Unknown { .. }));
    assert!(matches!(verdict("cellblock-mounts", "cell", cell), Verdict::Fail { .. }), "the share is missing");
}

#[test]
fn only_the_warden_may_have_its_one_capability_and_only_the_vault_its_one_port() {
    let capability = host(json!({"CapAdd": ["CAP_DAC_OVERRIDE"]}));
    assert!(matches!(verdict("cis-docker-5.4", "warden", capability.clone()), Verdict::Pass { .. }));
    assert!(matches!(verdict("cis-docker-5.4", "clamd", capability), Verdict::Fail { .. }));
    let port = json!({"NetworkSettings": {"Ports": {"443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8443"}]}}});
    assert!(matches!(verdict("cellblock-ports", "vault", port.clone()), Verdict::Pass { .. }));
    assert!(matches!(verdict("cellblock-ports", "proxy", port), Verdict::Fail { .. }));
    assert!(matches!(verdict("cellblock-ports", "vault", json!({})), Verdict::Fail { .. }), "nobody could reach it");
}

#[test]
fn a_privileged_command_in_a_sound_container_is_found_and_an_untold_one_is_not_a_pass() {
    let judge = |privileged: &[Option<bool>]| {
        let mut subject = subject("stranger", &sound(), &able());
        let exec = |&privileged| Exec { program: "sh".to_owned(), privileged, user: Some(String::new()) };
        subject.facts.execs = privileged.iter().map(exec).collect();
        (control("cis-docker-5.23").judge)(&subject)
    };
    assert!(matches!(judge(&[Some(false)]), Verdict::Pass { .. }));
    assert!(matches!(judge(&[Some(false), Some(true)]), Verdict::Fail { .. }));
    assert!(matches!(judge(&[None, Some(true)]), Verdict::Fail { .. }));
    assert!(matches!(judge(&[None, Some(false)]), Verdict::Unknown { .. }));
}

#[test]
fn a_command_of_root_s_is_found_but_in_a_container_that_is_root_by_design() {
    let judge = |name: &str, users: &[Option<&str>]| {
        let mut subject = subject(name, &sound(), &able());
        let exec = |user: &Option<&str>| Exec {
            program: "sh".to_owned(),
            privileged: Some(false),
            user: user.map(str::to_owned),
        };
        subject.facts.execs = users.iter().map(exec).collect();
        (control("cis-docker-5.24").judge)(&subject)
    };
    assert!(matches!(judge("stranger", &[Some(""), Some("1000")]), Verdict::Pass { .. }));
    for user in ["0", "root", "0:0", "root:1000", "00"] {
        assert!(matches!(judge("stranger", &[None, Some(user)]), Verdict::Fail { .. }), "{user}");
    }
    assert!(matches!(judge("stranger", &[None, Some("")]), Verdict::Unknown { .. }));
    assert_eq!(judge("cell", &[Some("0")]), Verdict::NotApplicable);
}

#[test]
fn docker_s_own_profile_is_one_and_calls_under_a_condition_are_not_counted() {
    let with = |rule: &str| {
        let profile = format!(r#"seccomp={{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{rule}]}}"#);
        verdict("cis-docker-5.22", "stranger", host(json!({"SecurityOpt": [profile]})))
    };
    let conditional = r#"{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}"#;
    assert!(matches!(with(conditional), Verdict::Pass { .. }));
    assert!(matches!(with(r#"{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[]}"#), Verdict::Pass { .. }));
    assert!(matches!(with(r#"{"name":"ptrace","action":"SCMP_ACT_ALLOW"}"#), Verdict::Fail { .. }));
    assert!(matches!(with(r#"{"names":["mount"],"action":"SCMP_ACT_ERRNO"}"#), Verdict::Pass { .. }));
    let from = r#"{"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}}"#;
    assert!(matches!(with(from), Verdict::Pass { .. }), "as Docker's own has it");
    for (call, includes) in [("bpf", r#"{"minKernel":"3.0"}"#), ("unshare", r#"{"arches":["amd64"]}"#), ("clone", "{}")]
    {
        let rule = format!(r#"{{"names":["{call}"],"action":"SCMP_ACT_ALLOW","includes":{includes}}}"#);
        assert!(matches!(with(&rule), Verdict::Fail { .. }), "{call}");
    }
    let named = |profile: &str| verdict("cis-docker-5.22", "stranger", host(json!({"SecurityOpt": [profile]})));
    assert!(matches!(named("seccomp=/etc/profile.json"), Verdict::Unknown { .. }), "nobody has read it");
    assert!(matches!(named("seccomp=builtin"), Verdict::Pass { .. }));
}

#[test]
fn a_group_that_leads_to_root_on_this_host_is_found_by_its_number() {
    let judge = |added: &str, user: &str| {
        let mut subject = subject("stranger", &sound(), &able());
        subject.engine.root_groups = [998].into();
        subject.facts.host.group_add = Some(vec![added.to_owned()]);
        subject.facts.user = Some(user.to_owned());
        (control("cellblock-groups").judge)(&subject)
    };
    for (added, user) in [("998", "1000:1000"), ("00", "1000"), ("docker", "1000"), ("5", "1000:998")] {
        assert!(matches!(judge(added, user), Verdict::Fail { .. }), "{added} {user}");
    }
    assert!(matches!(judge("997", "1000:1000"), Verdict::Pass { .. }));
}

#[test]
fn an_image_that_was_built_again_since_is_told() {
    let named = json!({"Config": {"Image": "cellblock/vault:local"}});
    assert!(matches!(verdict("cellblock-image", "vault", named.clone()), Verdict::Pass { .. }));
    let mut older = named;
    merge(&mut older, &json!({"Image": "sha256:0"}));
    assert!(matches!(verdict("cellblock-image", "vault", older), Verdict::Fail { .. }));
    assert!(matches!(verdict("cellblock-image", "vault", json!({})), Verdict::Fail { .. }), "another image");
}

#[test]
fn a_secret_s_value_is_in_no_verdict() {
    let told =
        json!({"Config": {"Env": ["API_TOKEN=correct-horse-battery"]}, "Args": ["--key=npm_0123456789abcdefghij"]});
    let Verdict::Fail { expected, found } = verdict("cellblock-env-secret", "stranger", told) else {
        panic!("not found")
    };
    assert!(found.contains("API_TOKEN") && found.contains("word 2"), "{found}");
    assert!(!(expected + &found).contains("horse") && !found.contains("npm_"), "{found}");
}

#[test]
fn ids_are_stable_words_and_stand_once() {
    let mut seen = std::collections::BTreeSet::new();
    let all = container_controls().map(|c| (c.id, c.title, c.mend));
    let all = all
        .chain(networks::ALL.iter().map(|c| (c.id, c.title, c.mend)))
        .chain(daemon::ALL.iter().map(|c| (c.id, c.title, c.mend)));
    for (id, title, mend) in all {
        assert!(seen.insert(id), "{id} stands twice");
        assert!(id.starts_with("cis-docker-") || id.starts_with("cellblock-"), "{id}");
        assert!(!title.ends_with('.') && !mend.is_empty(), "{id}");
    }
}

#[test]
fn each_name_whose_tls_the_gate_opens_is_told_until_it_is_waived_and_the_cell_may_have_the_certificate() {
    let shipped = include_str!("../../../../compose/policy.toml");
    let inspects = |text: &str| {
        let policy = Policy::parse(text, Path::new("/nowhere/policy.toml"), Path::new("/")).unwrap();
        let mut subject = subject("proxy", &sound(), &able());
        subject.expect = Expect::of(&policy, "proxy", Some(&vault()));
        let cell = Expect::of(&policy, "cell", Some(&vault())).binds;
        ((control("cellblock-tls-inspected").judge)(&subject), cell.into_iter().find(|(at, ..)| at.contains("inspect")))
    };
    assert_eq!(inspects(shipped), (Verdict::holds("none"), None));
    let (verdict, bind) = inspects(&shipped.replace("\"passthrough\"", "\"inspect\""));
    let Verdict::Fail { found, .. } = verdict else { panic!("{verdict:?}") };
    assert!(found.contains("docs.openclaw.ai, ") && found.contains(" github.com"), "{found}");
    let (at, source, writable) = bind.expect("the folder of the authority's certificate");
    assert_eq!(
        (at.as_str(), source.as_path(), writable),
        ("/etc/cellblock/inspect", Path::new("/rendered/inspect"), false)
    );
    assert_eq!((control("cellblock-tls-inspected").judge)(&subject("cell", &sound(), &able())), Verdict::NotApplicable);
}

#[test]
fn where_the_policy_opens_nothing_but_an_authority_is_still_trusted_nobody_says_that_none_is_opened() {
    let root = tempfile::tempdir().unwrap();
    let shipped = include_str!("../../../../compose/policy.toml");
    let policy = Policy::parse(shipped, Path::new("/nowhere/policy.toml"), root.path()).unwrap();
    let judged = || {
        let mut subject = subject("proxy", &sound(), &able());
        subject.expect = Expect::of(&policy, "proxy", Some(&vault()));
        (control("cellblock-tls-inspected").judge)(&subject)
    };
    assert_eq!(judged(), Verdict::holds("none"), "the control");
    let folder = root.path().join("rendered/inspect");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ca.pem"), "of an earlier start").unwrap();
    let Verdict::Unknown { reason } = judged() else { panic!("{:?}", judged()) };
    assert!(reason.contains("rendered/inspect/ca.pem") && reason.contains("scripts/up"), "{reason}");
}

/// The cell, with this line of mountinfo on its share and this file behind the device.
fn cell_with(mounts: Result<&str, &str>, image: Option<&str>) -> Verdict {
    let mut subject = subject("cell", &sound(), &able());
    let kernel = |text: &str| super::kernel::Kernel::of(text, "");
    subject.facts.kernel = Some(mounts.map(kernel).map_err(str::to_owned));
    subject.facts.share_image = image.map(Into::into);
    (control("cellblock-share").judge)(&subject)
}

#[test]
fn the_share_is_its_own_file_system_in_effect_or_no_pass() {
    let image = Some("/sandbox_data/share.img");
    let right = "1 2 7:0 /sandbox /sandbox rw,nosuid,nodev - ext4 /dev/loop0 rw";
    assert!(matches!(cell_with(Ok(right), image), Verdict::Pass { .. }));
    let fails = |mounts, image| matches!(cell_with(Ok(mounts), image), Verdict::Fail { .. });
    assert!(fails("1 2 254:0 /x /sandbox rw,relatime - ext4 /dev/vda rw", None), "the host's own");
    assert!(fails(right, Some("/elsewhere/share.img")), "another image");
    assert!(fails("1 2 7:0 /sandbox /sandbox rw,nodev - ext4 /dev/loop0 rw", image), "set-uid files work");
    assert!(fails("1 2 0:1 / /proc rw - proc proc rw", image), "nothing there");
    assert!(matches!(cell_with(Err("EACCES"), image), Verdict::Unknown { .. }));
}
