//! `scanwatch jail`: what is in there, and the ways out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Clamd, World, eicar, until};

/// A world with one entry in the jail, and its id.
fn jailed(clamd: &Clamd) -> (World, String) {
    let world = World::new();
    let warden = world.watch(clamd, &[]);
    fs::create_dir(world.share.join("sub")).unwrap();
    let draft = world.share.join("sub/draft.tmp");
    fs::write(&draft, eicar()).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o640)).unwrap();
    fs::rename(&draft, world.share.join("sub/bad")).unwrap();
    let record = warden.wait_file("file-quarantined", &world.share.join("sub/bad"));
    until("it is complete", || world.jailed(".json").len() == 1);
    warden.end();
    let id = record["cellblock"]["scan"]["jail_id"].as_str().unwrap().to_owned();
    (world, id)
}

fn jail(world: &World, args: &[&str]) -> (Vec<Value>, i32, String) {
    let output = world.command(&["jail"]).args(args).arg("--jail").arg(&world.jail).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (records, output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn restore(world: &World, socket: &Path, args: &[&str]) -> (Vec<Value>, i32, String) {
    let share = world.share.to_str().unwrap();
    let all = [&["restore", "--share", share, "--clamd", socket.to_str().unwrap()], args].concat();
    jail(world, &all)
}

#[test]
fn entries_are_listed_and_shown_with_all_their_facts() {
    let clamd = Clamd::start();
    let (world, id) = jailed(&clamd);
    let (records, status, _) = jail(&world, &["list"]);
    assert_eq!((records.len(), status), (2, 0));
    assert_eq!(records[0]["event"]["action"], "jail-listed");
    assert_eq!(records[0]["cellblock"]["scan"]["jail_id"], id.as_str());
    assert_eq!(records[0]["file"]["path"], world.share.join("sub/bad").to_str().unwrap());
    let (records, status, _) = jail(&world, &["show", &id[..30]]);
    assert_eq!((records[0]["event"]["outcome"].as_str(), status), (Some("success"), 0));
    let (_, status, error) = jail(&world, &["show", "ffff"]);
    assert!(status == 2 && error.contains("jail list"), "{error}");

    // Damage is told.
    let content = world.jail.join(&id);
    fs::remove_file(&content).unwrap();
    fs::write(&content, vec![b'x'; eicar().len()]).unwrap();
    let (records, status, _) = jail(&world, &["show", &id]);
    assert_eq!((records[0]["event"]["outcome"].as_str(), status), (Some("failure"), 1));
    let (records, status, _) = restore(&world, &clamd.socket(), &[&id]);
    assert_eq!((records[0]["event"]["action"].as_str(), status), (Some("restore-refused"), 1));
    fs::write(world.jail.join(format!("{id}.json")), "{}").ok();
    fs::remove_file(world.jail.join(format!("{id}.json"))).unwrap();
    fs::write(world.jail.join(format!("{id}.json")), "{}").unwrap();
    let (records, status, _) = jail(&world, &["list"]);
    assert_eq!((records[0]["event"]["outcome"].as_str(), status), (Some("unknown"), 3));
}

#[test]
fn what_is_still_detected_stays_unless_its_hash_is_allowed_and_then_the_warden_leaves_it_alone() {
    let clamd = Clamd::start();
    let (world, id) = jailed(&clamd);
    let (records, status, _) = restore(&world, &clamd.socket(), &[&id]);
    assert_eq!((records[0]["event"]["action"].as_str(), status), (Some("restore-refused"), 1));
    assert!(records[0]["event"]["reason"].as_str().unwrap().contains("still detected"));
    assert!(world.is_tombstone("sub/bad"));

    let (records, status, error) = restore(&world, &clamd.socket(), &[&id, "--allow", "our own test file"]);
    assert_eq!(status, 0, "{error}{records:?}");
    assert_eq!(records[0]["event"]["action"], "hash-allowed");
    assert_eq!(records[1]["event"]["action"], "file-restored");
    let back = world.share.join("sub/bad");
    assert_eq!(fs::read(&back).unwrap(), eicar());
    assert_eq!(fs::metadata(&back).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_dir(world.share.join("sub")).unwrap().count(), 1, "no draft is left");

    let warden = world.watch(&clamd, &[]);
    let record = warden.wait_file("file-scanned", &back);
    assert!(record["event"]["reason"].as_str().unwrap().contains("our own test file"));
    fs::write(world.share.join("another"), [eicar(), b" ".to_vec()].concat()).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("another"));
    assert_eq!(fs::read(&back).unwrap(), eicar(), "other content is not allowed with it");
}

#[test]
fn nothing_is_ever_overwritten_but_its_own_tombstone() {
    let clamd = Clamd::start();
    let (world, id) = jailed(&clamd);
    let place = world.share.join("sub/bad");
    fs::remove_file(&place).unwrap();
    fs::write(&place, "something of somebody's").unwrap();
    let (records, status, _) = restore(&world, &clamd.socket(), &[&id, "--allow", "x"]);
    assert_eq!((records.iter().any(|record| record["event"]["action"] == "restore-refused"), status), (true, 1));
    assert_eq!(fs::read_to_string(&place).unwrap(), "something of somebody's");
    // A link where it was leads nowhere.
    fs::remove_file(&place).unwrap();
    let target = world.dir.path().join("target");
    std::os::unix::fs::symlink(&target, &place).unwrap();
    assert_eq!(restore(&world, &clamd.socket(), &[&id]).1, 1);
    assert!(!target.exists());
    // Elsewhere, by name.
    let to = world.dir.path().join("elsewhere");
    let (records, status, error) = restore(&world, &clamd.socket(), &[&id, "--to", to.to_str().unwrap()]);
    assert_eq!(status, 0, "{error}{records:?}");
    assert_eq!(fs::read(&to).unwrap(), eicar());
}

#[test]
fn without_an_engine_nothing_is_restored() {
    let clamd = Clamd::start();
    let (world, id) = jailed(&clamd);
    let (records, status, error) = restore(&world, &world.dir.path().join("nobody"), &[&id]);
    assert!(status == 2 && records.is_empty() && error.contains("not known"), "{error}");
    assert!(world.is_tombstone("sub/bad"));
}

#[test]
fn only_what_is_old_enough_is_purged() {
    let clamd = Clamd::start();
    let (world, id) = jailed(&clamd);
    let (records, status, _) = jail(&world, &["purge", "--older-than", "1h"]);
    assert_eq!((records.len(), status), (1, 0));
    assert!(world.jail.join(&id).exists());
    let (records, status, _) = jail(&world, &["purge", "--older-than", "0s"]);
    assert_eq!((records[0]["event"]["action"].as_str(), status), (Some("jail-purged"), 0));
    assert!(world.jailed("").is_empty());
}

#[test]
fn the_self_test_tells_part_by_part_what_the_warden_rests_on() {
    let (clamd, world) = (Clamd::start(), World::new());
    let run = |socket: &Path| {
        let mut command = world.command(&["self-test"]);
        let output = command
            .arg("--share")
            .arg(&world.share)
            .arg("--jail")
            .arg(&world.jail)
            .arg("--clamd")
            .arg(socket)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |name: &str| {
            let record = records.iter().find(|record| record["rule"]["name"] == name).unwrap();
            record["event"]["outcome"].as_str().unwrap().to_owned()
        };
        (["marker", "encrypted", "limits", "signatures", "share", "jail"].map(of), output.status.code().unwrap())
    };
    // A plain folder is no share, and two lines are no official database: both are told.
    let (outcomes, status) = run(&clamd.socket());
    assert_eq!(
        (outcomes.each_ref().map(String::as_str), status),
        (["success", "success", "success", "failure", "failure", "success"], 1)
    );
    let (outcomes, _) = run(&world.dir.path().join("nobody"));
    assert_eq!(outcomes[..4].iter().map(String::as_str).collect::<Vec<_>>(), ["unknown"; 4]);
}

#[test]
fn the_self_test_tells_what_came_of_freshclam_and_of_signatures_of_ones_own() {
    let (clamd, world) = (Clamd::start(), World::new());
    let beside = |name: &str, line: &str| fs::write(clamd.dir.path().join(name), line).unwrap();
    let part = |name: &str| {
        let output = world
            .command(&["self-test"])
            .arg("--share")
            .arg(&world.share)
            .arg("--jail")
            .arg(&world.jail)
            .arg("--clamd")
            .arg(clamd.socket())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let record = records.find(|record| record["rule"]["name"] == name)?;
        let of = |key: &str| record["event"][key].as_str().unwrap_or_default().to_owned();
        Some((of("outcome"), of("reason")))
    };
    assert_eq!(part("freshclam").unwrap().0, "unknown", "nothing is there that tells");
    assert_eq!(part("own-signatures"), None, "nobody has to have any");
    beside("database", "official database absent: only the shipped test signatures are known; freshclam: ERROR: x");
    let (outcome, reason) = part("freshclam").unwrap();
    assert!(outcome == "failure" && reason.contains("freshclam: ERROR: x"), "{reason}");
    beside("database", "official database (daily.cld main.cvd); last fetched or found current on 2026-11-22");
    assert_eq!(part("freshclam").unwrap().0, "success");
    beside("signatures", "refused: words.yar line 2: undefined string");
    assert_eq!(
        part("own-signatures").unwrap(),
        ("failure".to_owned(), "words.yar line 2: undefined string".to_owned())
    );
    beside("signatures", "in force: 3f2a91c4");
    assert_eq!(part("own-signatures").unwrap().0, "success");
}
