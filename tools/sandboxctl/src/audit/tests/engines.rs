//! What real engines answered about the same containers, replayed. `tests/worlds/sandboxctl/record-engine` wrote it
//! down, and says how each was made: `hard` asks for as little as can be, `weak` for all there is, `bare` for nothing.

use std::collections::BTreeMap;

use engine::Families;

use super::super::image::History;
use super::*;

/// The first one is what the others are held against.
const ENGINES: [(&str, &str); 4] = [
    ("Docker 28.5", include_str!("engines/docker-28.5.json")),
    ("Docker 26.1", include_str!("engines/docker-26.1.json")),
    ("Docker 20.10", include_str!("engines/docker-20.10.json")),
    ("Podman 5.8", include_str!("engines/podman-5.8.json")),
];
const CONTAINERS: [&str; 3] = ["hard", "weak", "bare"];

/// A verdict in one word, by the id of its control.
type Words = BTreeMap<&'static str, &'static str>;

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass { .. } => "pass",
        Verdict::Fail { .. } => "fail",
        Verdict::Unknown { .. } => "unknown",
        Verdict::NotApplicable => "beside",
    }
}

fn engine_of(told: &Value) -> Engine {
    let version = serde_json::from_value(told["version"].clone()).unwrap();
    let product = engine::product(&version).map(str::to_owned);
    let default_network = told["networks"]["bridge"]["Id"].as_str().map(str::to_owned);
    Engine { product, default_network, ..Engine::of(serde_json::from_value(told["info"].clone()).unwrap()) }
}

/// What this engine tells of a container, judged as a stranger.
fn judged(told: &Value, container: &Value) -> Words {
    let steps = told["history"].as_array().unwrap().iter();
    let steps = steps.map(|step| step["CreatedBy"].as_str().unwrap_or_default().to_owned()).collect();
    let subject = Subject {
        image: told["image"]["Id"].as_str().map(str::to_owned),
        history: Some(Ok(History::of(steps, leak::Rules::built_in()))),
        engine: engine_of(told),
        ..subject("stranger", container, &told["info"])
    };
    container_controls().map(|control| (control.id, word(&super::super::verdict(control, &subject)))).collect()
}

/// All that this engine tells, as `CONTAINER CONTROL` to a word.
fn all(told: &Value) -> BTreeMap<String, &'static str> {
    let mut words = BTreeMap::new();
    for name in CONTAINERS {
        words.extend(judged(told, &told["containers"][name]).into_iter().map(|(id, it)| (format!("{name} {id}"), it)));
    }
    let engine = engine_of(told);
    words.extend(daemon::ALL.iter().map(|control| (format!("engine {}", control.id), word(&(control.judge)(&engine)))));
    let policy = policy();
    let planned = policy.active_networks().find(|network| network.docker_name() == "cellblock-cell").unwrap();
    let found = serde_json::from_value(told["networks"]["cellblock-cell"].clone()).unwrap();
    let network = networks::Subject::of(&policy, planned, Families::Both, Some(&Ok(found)));
    words.extend(networks::ALL.iter().map(|it| (format!("network {}", it.id), word(&(it.judge)(&network)))));
    words
}

/// Where an engine's answers come to another verdict than the first one's: engine, container, control, verdict, and
/// why.
fn known() -> BTreeMap<(&'static str, String), &'static str> {
    let rows = include_str!("engines/differ.tsv").lines().filter(|line| !line.starts_with('#'));
    let rows = rows.map(|row| row.split('\t').collect::<Vec<_>>()).map(|row| {
        let [engine, target, control, word, why] = row[..] else { panic!("five columns: {row:?}") };
        assert!(!why.is_empty(), "{row:?}");
        ((engine, format!("{target} {control}")), word)
    });
    rows.collect()
}

#[test]
fn every_engine_s_answers_come_to_the_same_verdicts_but_for_what_is_listed_with_its_reason() {
    let [(_, first), others @ ..] = &ENGINES;
    let (wanted, known) = (all(&recorded(first)), known());
    let mut differ = BTreeMap::new();
    for (engine, text) in others {
        let words = all(&recorded(text)).into_iter();
        let other = words.filter(|(what, word)| wanted[what] != *word);
        differ.extend(other.map(|(what, word)| ((*engine, what), word)));
    }
    let shown = |from: &BTreeMap<(&str, String), &str>, at: &BTreeMap<(&str, String), &str>| {
        let rows = from.iter().filter(|(what, word)| at.get(*what) != Some(*word));
        rows.map(|((engine, what), word)| format!("{engine}\t{what}\t{word}\tnot {}\n", wanted[what]))
            .collect::<String>()
    };
    let (new, over) = (shown(&differ, &known), shown(&known, &differ));
    assert!(new.is_empty() && over.is_empty(), "not listed:\n{new}listed, and not so any more:\n{over}");
}

/// Tried on 5.8 with `default_network = "mine"`: its id is the same, and no network goes by `podman`.
#[test]
fn podman_s_default_network_is_known_by_whatever_name_and_else_nothing_passes() {
    let mut told = recorded(include_str!("engines/podman-5.8.json"));
    let of = |told: &Value, container: &str| judged(told, &told["containers"][container])["cis-docker-5.30"];
    let renamed = told["containers"]["bare"]["NetworkSettings"]["Networks"]["podman"].take();
    told["containers"]["bare"]["NetworkSettings"]["Networks"] = json!({"mine": renamed});
    assert_eq!((of(&told, "bare"), of(&told, "hard")), ("fail", "pass"));
    let mut of_before = told.clone();
    of_before["containers"]["hard"]["NetworkSettings"]["Networks"]["sealed"]["NetworkID"] = "sealed".into();
    assert_eq!(of(&of_before, "hard"), "unknown", "Podman 4 has a name in the place of an id");
    told["networks"]["bridge"].take();
    assert_eq!((of(&told, "bare"), of(&told, "hard")), ("unknown", "unknown"));
    assert_eq!(of(&recorded(include_str!("engines/podman-5.8.json")), "bare"), "fail");
}

/// What `weak` asks for, by the control that names it.
const WEAK: [&str; 22] = [
    "cis-docker-4.1",
    "cis-docker-5.4",
    "cis-docker-5.5",
    "cis-docker-5.6",
    "cis-docker-5.10",
    "cis-docker-5.11",
    "cis-docker-5.12",
    "cis-docker-5.13",
    "cis-docker-5.15",
    "cis-docker-5.16",
    "cis-docker-5.17",
    "cis-docker-5.18",
    "cis-docker-5.20",
    "cis-docker-5.21",
    "cis-docker-5.22",
    "cis-docker-5.26",
    "cis-docker-5.29",
    "cis-docker-5.32",
    "cellblock-env-secret",
    "cellblock-groups",
    "cellblock-oom",
    "cellblock-restart",
];

#[test]
fn a_hard_container_fails_nothing_and_a_weak_one_all_that_it_asks_for_whichever_engine_tells() {
    let known = known();
    for (engine, text) in ENGINES {
        let told = recorded(text);
        let failed = |name: &str| -> Vec<&str> {
            let words = judged(&told, &told["containers"][name]).into_iter();
            words.filter(|(_, word)| *word == "fail").map(|(id, _)| id).collect()
        };
        let hard = failed("hard").into_iter().filter(|id| !known.contains_key(&(engine, format!("hard {id}"))));
        assert_eq!(hard.collect::<Vec<_>>(), [] as [&str; 0], "{engine}");
        let weak = failed("weak");
        let missed: Vec<_> = WEAK.iter().filter(|id| !weak.contains(*id)).collect();
        assert!(missed.is_empty(), "{engine} {missed:?}, but {weak:?}");
    }
}

#[test]
fn an_engine_that_tells_no_more_than_an_empty_host_configuration_makes_nothing_pass() {
    let empty = json!({"Id": "x", "Name": "/x", "Config": {}, "HostConfig": {}});
    for (engine, text) in ENGINES {
        let passed = judged(&recorded(text), &empty).into_iter().filter(|(_, word)| *word == "pass");
        assert_eq!(passed.map(|(id, _)| id).collect::<Vec<_>>(), [] as [&str; 0], "{engine}");
    }
}

/// Lists that every engine leaves out, or tells as nothing, where they are empty: none is none.
const LISTS: [&str; 5] = ["CapAdd", "Devices", "ExtraHosts", "GroupAdd", "SecurityOpt"];

#[test]
fn what_an_engine_leaves_out_of_a_weak_container_never_turns_a_failure_into_a_pass() {
    let mut turned = Vec::new();
    for (engine, text) in ENGINES {
        let told = recorded(text);
        let weak = &told["containers"]["weak"];
        let before = judged(&told, weak);
        for key in weak["HostConfig"].as_object().unwrap().keys().filter(|key| !LISTS.contains(&key.as_str())) {
            let mut without = weak.clone();
            without["HostConfig"].as_object_mut().unwrap().remove(key);
            let words = judged(&told, &without).into_iter().filter(|(id, it)| *it == "pass" && before[id] == "fail");
            turned.extend(words.map(|(id, _)| format!("{engine} without {key}: {id}")));
        }
    }
    assert_eq!(turned, [] as [&str; 0]);
}
