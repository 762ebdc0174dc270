//! SIGKILL at each step of taking a file away: after the next start it is in the jail whole, told, and
//! nowhere else in reach.

use std::fs;

use crate::support::{Clamd, World, eicar, until};

/// The steps, and the record of the file that must be there at the end, from either run.
const STEPS: [&str; 6] = ["copied", "committed", "removed", "emptied", "marked", "told"];

fn die_at(step: &str, clamd: &Clamd) {
    let world = World::new();
    let warden = world.watch(clamd, &["--die-at", step]);
    // Another name in the share, which must not be a way around.
    fs::write(world.share.join("bad.tmp"), eicar()).unwrap();
    fs::hard_link(world.share.join("bad.tmp"), world.share.join("other.tmp")).unwrap();
    fs::rename(world.share.join("bad.tmp"), world.share.join("bad")).unwrap();
    let (first, status) = warden.wait_death();
    assert_eq!(status, Some(9), "{step}: it was to die by SIGKILL");

    let in_jail = world.jailed("").iter().any(|path| fs::read(path).is_ok_and(|content| content == eicar()));
    let in_place = fs::read(world.share.join("bad")).is_ok_and(|content| content == eicar());
    assert!(in_jail || in_place, "{step}: lost");

    let warden = world.watch(clamd, &[]);
    until(&format!("{step}: no name leads to it"), || {
        ["bad", "other.tmp"]
            .iter()
            .all(|name| fs::read(world.share.join(name)).map_or(true, |content| content != eicar()))
    });
    until(&format!("{step}: every entry is complete"), || {
        world.jailed(".pending").is_empty() && !world.jailed(".json").is_empty()
    });
    until(&format!("{step}: there is a tombstone"), || world.is_tombstone("bad"));
    let (second, _) = warden.end();
    let told = first.iter().chain(&second).any(|record| {
        let action = record["event"]["action"].as_str().unwrap();
        let path = record["file"]["path"].as_str().unwrap_or_default();
        path.ends_with("/bad") && (action == "file-quarantined" || action == "jail-recovered")
    });
    assert!(told, "{step}: taken away without a record");
    for facts in world.jailed(".json") {
        let content = facts.with_extension("");
        assert_eq!(fs::read(content).unwrap(), eicar(), "{step}: not whole");
    }
    let contents = world.jailed("").iter().filter(|path| path.extension().is_none()).count();
    assert_eq!(contents, world.jailed(".json").len(), "{step}: content without facts");
}

#[test]
fn a_crash_at_any_step_loses_nothing_and_leaves_nothing_in_reach() {
    let clamd = Clamd::start();
    for step in STEPS {
        die_at(step, &clamd);
    }
}
