//! New signatures: what the older ones called clean is scanned again. A real clamd has a version for its
//! official database only, so here the engine is a script that speaks its protocol.

use std::fs;
use std::process::{Child, Command};

use crate::support::{World, until};

struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_older_signatures_called_clean_is_scanned_again_with_newer_ones() {
    let world = World::new();
    let (socket, version) = (world.dir.path().join("engine.sock"), world.dir.path().join("version"));
    fs::write(&version, "ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026\nEICAR").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine.py");
    let _engine = Engine(Command::new("python3").arg(script).arg(&socket).arg(&version).spawn().unwrap());
    until("the engine listens", || socket.exists());
    fs::write(world.share.join("yesterdays"), "NOVEL, and unknown yesterday").unwrap();
    fs::write(world.share.join("harmless"), "nothing").unwrap();
    // Older than the clock's tick, so that what is judged is known.
    std::thread::sleep(std::time::Duration::from_millis(100));

    let warden = world.watch_unverified(&socket, &[]);
    let record = warden.wait_file("file-scanned", &world.share.join("yesterdays"));
    assert_eq!(record["rule"]["ruleset"], "clamav 27500");
    fs::write(&version, "ClamAV 1.4.6/27501/Sun Nov 22 09:00:00 2026\nEICAR NOVEL").unwrap();
    warden.wait("signatures-changed", |record| record["message"].as_str().unwrap().contains("27501"));
    let record = warden.wait_file("file-quarantined", &world.share.join("yesterdays"));
    assert_eq!(record["rule"]["ruleset"], "clamav 27501");
    assert_eq!(record["rule"]["name"], "NOVEL-Signature");
    warden.wait("rescan-finished", |record| record["cellblock"]["scan"]["walk"] == "database");
    until("the harmless one is scanned again too", || {
        let path = world.share.join("harmless");
        let path = path.to_str().unwrap();
        warden.records().iter().filter(|r| r["event"]["action"] == "file-scanned" && r["file"]["path"] == path).count()
            == 2
    });
}
