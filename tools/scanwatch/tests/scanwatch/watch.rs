//! `scanwatch watch` against a real clamd: what is found is jailed, what is clean stays, nothing is lost.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Clamd, TESTFILES, World, eicar, set, until};

#[test]
fn what_is_found_is_jailed_with_a_tombstone_in_its_place_and_what_is_clean_stays() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    fs::write(world.share.join("clean.txt"), "nothing here").unwrap();
    fs::write(world.share.join("bad.com"), eicar()).unwrap();
    fs::copy(format!("{TESTFILES}/clam.zip"), world.share.join("bad.zip")).unwrap();

    let bad = warden.wait_file("file-quarantined", &world.share.join("bad.com"));
    assert_eq!(bad["event"]["kind"], "alert");
    assert_eq!(bad["event"]["severity"], 73);
    assert_eq!(bad["event"]["outcome"], "success");
    assert!(bad["rule"]["name"].as_str().unwrap().starts_with("Eicar-Test-Signature"));
    assert_eq!(bad["file"]["size"], 68);
    let id = bad["cellblock"]["scan"]["jail_id"].as_str().unwrap();
    assert_eq!(fs::read(world.jail.join(id)).unwrap(), eicar());
    assert_eq!(fs::metadata(world.jail.join(id)).unwrap().permissions().mode() & 0o777, 0o400);
    warden.wait_file("file-quarantined", &world.share.join("bad.zip"));
    let clean = warden.wait_file("file-scanned", &world.share.join("clean.txt"));
    assert_eq!(clean["event"]["outcome"], "success");
    assert_eq!(clean["file"]["hash"]["sha256"].as_str().unwrap().len(), 64);

    assert!(world.is_tombstone("bad.com") && world.is_tombstone("bad.zip"));
    assert_eq!(fs::metadata(world.share.join("bad.com")).unwrap().permissions().mode() & 0o7777, 0o444);
    assert_eq!(fs::read_to_string(world.share.join("clean.txt")).unwrap(), "nothing here");
    until("both entries are complete", || world.jailed(".json").len() == 2);
    assert!(world.jailed(".pending").is_empty());
    let (records, status) = warden.end();
    assert_eq!(status, 1, "something was found");
    let last = records.last().unwrap();
    assert_eq!(last["event"]["action"], "run-finished");
    assert_eq!(last["cellblock"]["counts"]["failed"], 2);
}

#[test]
fn what_was_there_before_the_start_is_found_and_so_is_what_comes_in_new_folders() {
    let (clamd, world) = (Clamd::start(), World::new());
    fs::create_dir_all(world.share.join("old/deep")).unwrap();
    fs::write(world.share.join("old/deep/bad"), eicar()).unwrap();
    let warden = world.watch(&clamd, &[]);
    warden.wait_file("file-quarantined", &world.share.join("old/deep/bad"));
    fs::create_dir_all(world.share.join("a/b/c/d")).unwrap();
    fs::write(world.share.join("a/b/c/d/bad"), eicar()).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("a/b/c/d/bad"));
    // A folder that is moved in comes as one event, with all that is in it.
    let outside = world.dir.path().join("outside/in");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("bad"), eicar()).unwrap();
    fs::rename(world.dir.path().join("outside"), world.share.join("moved.tmp")).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("moved.tmp/in/bad"));
    // And one that is renamed tells by its new name.
    fs::rename(world.share.join("a"), world.share.join("z")).unwrap();
    fs::write(world.share.join("z/b/c/late"), eicar()).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("z/b/c/late"));
}

/// ext4 gives the number of a file that is gone to the next one at once. An agent's temporary files see that all day.
#[test]
fn a_new_temporary_file_waits_its_own_time_though_its_number_is_an_old_one_s() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    let number = |name: &str| fs::metadata(world.share.join(name)).unwrap().ino();
    fs::write(world.share.join("first.tmp"), "clean").unwrap();
    warden.wait_file("file-scanned", &world.share.join("first.tmp"));
    let old = number("first.tmp");
    fs::remove_file(world.share.join("first.tmp")).unwrap();
    // Whoever gets the number; others hold theirs meanwhile.
    let again = (0..200).map(|next| format!("{next}.tmp")).find(|name| {
        fs::write(world.share.join(name), eicar()).unwrap();
        number(name) == old
    });
    let Some(again) = again else { return eprintln!("this file system gives no number again: nothing to try") };
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(fs::read(world.share.join(&again)).unwrap(), eicar(), "it was taken while it was being written");
    warden.wait_file("file-quarantined", &world.share.join(&again));
}

#[test]
fn a_temporary_name_defers_the_scan_and_its_own_name_ends_that() {
    let world = World::with(|policy| set(&policy, "max_defer", "\"6s\""));
    let clamd = Clamd::start();
    let warden = world.watch(&clamd, &[]);
    let began = Instant::now();
    fs::write(world.share.join("one.tmp"), eicar()).unwrap();
    fs::write(world.share.join("two.tmp"), eicar()).unwrap();
    fs::rename(world.share.join("one.tmp"), world.share.join("one.txt")).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("one.txt"));
    assert!(began.elapsed() < Duration::from_secs(6), "its own name is scanned at once");
    std::thread::sleep(Duration::from_secs(4).saturating_sub(began.elapsed()));
    assert_eq!(fs::read(world.share.join("two.tmp")).unwrap(), eicar(), "still deferred");
    // Another temporary name is no new start: it would be scanned 10 s after the beginning then.
    fs::rename(world.share.join("two.tmp"), world.share.join("three.tmp")).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("three.tmp"));
    assert!(began.elapsed() >= Duration::from_millis(5900), "not before its time");
    assert!(began.elapsed() < Duration::from_millis(9900), "and not from the second name on");
}

#[test]
fn set_id_bits_are_taken_off_and_told() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    let path = world.share.join("tool");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    let record = warden.wait_file("set-id-stripped", &path);
    assert_eq!(record["event"]["outcome"], "success");
    assert_eq!(record["file"]["mode"], "6755");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
    // Under a temporary name too, at once.
    let path = world.share.join("tool.tmp");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4700)).unwrap();
    warden.wait_file("set-id-stripped", &path);
}

#[test]
fn sizes_are_checked_by_ourselves_and_nothing_too_large_is_called_clean() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    fs::write(world.share.join("empty"), "").unwrap();
    let large = fs::File::create(world.share.join("large")).unwrap();
    large.set_len(200 << 20).unwrap();
    drop(large);
    let record = warden.wait_file("file-scanned", &world.share.join("empty"));
    assert_eq!(record["file"]["size"], 0);
    let record = warden.wait_file("file-unscanned", &world.share.join("large"));
    assert_eq!(record["event"]["outcome"], "unknown");
    assert_eq!(record["cellblock"]["scan"]["why"], "too-large");
    assert_eq!(fs::metadata(world.share.join("large")).unwrap().len(), 200 << 20, "reported, and left alone");
    let (_, status) = warden.end();
    assert_eq!(status, 3, "something was not scanned");
}

#[test]
fn what_exceeds_a_limit_of_the_engine_is_not_clean_either() {
    let clamd = Clamd::with("AlertExceedsMax yes\nAlertEncrypted yes\nMaxFileSize 1M\n");
    let world = World::new();
    let warden = world.watch(&clamd, &[]);
    fs::write(world.share.join("two-megabytes"), vec![b'x'; 2 << 20]).unwrap();
    let record = warden.wait_file("file-unscanned", &world.share.join("two-megabytes"));
    assert_eq!(record["cellblock"]["scan"]["why"], "limits-exceeded");
}

#[test]
fn unscanned_files_are_jailed_when_the_policy_says_so() {
    let world = World::with(|policy| set(&set(&policy, "on_unscanned", "\"quarantine\""), "max_size", "\"1MiB\""));
    let clamd = Clamd::start();
    let warden = world.watch(&clamd, &[]);
    fs::write(world.share.join("large"), vec![b'x'; 2 << 20]).unwrap();
    let record = warden.wait_file("file-quarantined", &world.share.join("large"));
    assert_eq!(record["cellblock"]["scan"]["why"], "too-large");
    assert!(world.is_tombstone("large"));
}

#[test]
fn odd_names_are_told_with_their_exact_bytes() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    let name = OsStr::from_bytes(b"new\nline \xff\xfe \x1b[31m");
    fs::write(world.share.join(name), eicar()).unwrap();
    let record = warden.wait("file-quarantined", |_| true);
    let exact = record["cellblock"]["path_base64"].as_str().unwrap();
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(exact).unwrap();
    assert_eq!(bytes, world.share.join(name).as_os_str().as_bytes());
    assert!(world.is_tombstone(name));
}

#[test]
fn another_link_and_an_open_descriptor_lead_to_nothing() {
    let (clamd, world) = (Clamd::start(), World::new());
    let outside = world.dir.path().join("outside");
    fs::write(&outside, eicar()).unwrap();
    let reader = fs::File::open(&outside).unwrap();
    let warden = world.watch(&clamd, &[]);
    fs::hard_link(&outside, world.share.join("bad")).unwrap();
    let record = warden.wait_file("file-quarantined", &world.share.join("bad"));
    assert_eq!(record["cellblock"]["scan"]["other_links"], 1);
    assert_eq!(record["cellblock"]["scan"]["emptied"], true);
    assert_eq!(fs::metadata(&outside).unwrap().len(), 0);
    assert_eq!(reader.metadata().unwrap().len(), 0);
    assert!(world.is_tombstone("bad"));
}

#[test]
fn special_files_and_links_are_never_opened_or_followed() {
    let (clamd, world) = (Clamd::start(), World::new());
    let target = world.dir.path().join("target");
    fs::write(&target, eicar()).unwrap();
    let warden = world.watch(&clamd, &[]);
    std::os::unix::fs::symlink(&target, world.share.join("link")).unwrap();
    std::os::unix::fs::symlink(world.dir.path(), world.share.join("folder-link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.share.join("socket")).unwrap();
    let fifo = world.share.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let record = warden.wait_file("file-unscanned", &fifo);
    assert_eq!(record["cellblock"]["scan"]["why"], "special-file");
    warden.wait_file("file-unscanned", &world.share.join("socket"));
    fs::write(world.share.join("after"), "x").unwrap();
    warden.wait_file("file-scanned", &world.share.join("after"));
    assert_eq!(fs::read(&target).unwrap(), eicar(), "what a link points to is not touched");
    assert_eq!(warden.count("file-quarantined"), 0);
}

#[test]
fn while_the_engine_is_away_files_wait_and_its_return_drains_the_queue() {
    let (mut clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    clamd.kill();
    for number in 0..20 {
        fs::write(world.share.join(format!("clean-{number}")), "x").unwrap();
    }
    fs::write(world.share.join("bad"), eicar()).unwrap();
    let record = warden.wait("scanner-unavailable", |_| true);
    assert_eq!(record["event"]["outcome"], "unknown");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(warden.count("file-scanned") + warden.count("file-quarantined"), 0);
    assert!(world.jailed("").is_empty(), "an outage jails nothing");
    clamd.run();
    warden.wait("scanner-returned", |_| true);
    warden.wait_file("file-quarantined", &world.share.join("bad"));
    for number in 0..20 {
        warden.wait_file("file-scanned", &world.share.join(format!("clean-{number}")));
    }
    assert_eq!(warden.count("scanner-unavailable"), 1, "told once");
}

#[test]
fn a_full_jail_is_told_and_stops_nothing_from_being_neutralised() {
    let world = World::with(|policy| policy.replace("size = \"1GiB\"", "size = \"1MiB\""));
    let clamd = Clamd::start();
    let warden = world.watch(&clamd, &[]);
    // A zip with something behind it is one still.
    let mut large = fs::read(format!("{TESTFILES}/clam.zip")).unwrap();
    large.resize(2 << 20, 0);
    fs::write(world.share.join("large.zip"), &large).unwrap();
    let record = warden.wait_file("file-neutralised", &world.share.join("large.zip"));
    assert_eq!(record["event"]["severity"], 99);
    assert_eq!(record["cellblock"]["scan"]["kept"], false);
    assert!(record["event"]["reason"].as_str().unwrap().contains("full"));
    assert!(world.is_tombstone("large.zip"));
    assert!(world.jailed("").is_empty());
    fs::write(world.share.join("small"), eicar()).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("small"));
}

#[test]
fn an_overflow_of_the_queue_leads_to_a_walk_that_misses_nothing() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &["--queue", "8", "--quiet-clean"]);
    // Several write at once, and go on until it is too much: one alone may be no faster than the warden.
    let write = |number: usize| {
        let content = if number.is_multiple_of(40) { eicar() } else { b"clean".to_vec() };
        fs::write(world.share.join(format!("file-{number}")), content).unwrap();
    };
    let mut written = 0;
    while written == 0 || (warden.count("queue-overflowed") == 0 && written < 20_000) {
        std::thread::scope(|scope| {
            for lane in 0..4 {
                scope.spawn(move || (written + lane..written + 400).step_by(4).for_each(write));
            }
        });
        written += 400;
    }
    warden.wait("queue-overflowed", |_| true);
    for number in (0..written).step_by(40) {
        warden.wait_file("file-quarantined", &world.share.join(format!("file-{number}")));
    }
    warden.wait("rescan-finished", |record| record["cellblock"]["scan"]["walk"] == "overflow");
    assert_eq!(warden.count("file-scanned"), 0, "--quiet-clean");
    let (records, _) = warden.end();
    let counts = &records.last().unwrap()["cellblock"]["counts"];
    assert!(counts["passed"].as_u64().unwrap() >= 390, "{counts}");
}

#[test]
fn what_a_crash_left_half_done_is_completed_or_undone() {
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    fs::write(world.share.join("bad"), eicar()).unwrap();
    let record = warden.wait_file("file-quarantined", &world.share.join("bad"));
    until("it is complete", || world.jailed(".json").len() == 1);
    warden.kill();
    // As if it had been cut off before the original was touched, and another copy in the middle.
    let id = record["cellblock"]["scan"]["jail_id"].as_str().unwrap();
    fs::rename(world.jail.join(format!("{id}.json")), world.jail.join(format!("{id}.pending"))).unwrap();
    fs::remove_file(world.share.join("bad")).unwrap();
    fs::write(world.share.join("bad"), eicar()).unwrap();
    let half = "0193a1b2-0000-7000-8000-000000000000";
    fs::write(world.jail.join(half), "half").unwrap();
    let warden = world.watch(&clamd, &[]);
    warden.wait("jail-recovered", |record| record["cellblock"]["scan"]["jail_id"] == id);
    assert!(world.is_tombstone("bad"));
    assert_eq!(fs::read(world.jail.join(id)).unwrap(), eicar());
    assert!(world.jail.join(format!("{id}.json")).exists());
    assert!(!world.jail.join(half).exists());
    assert_eq!(warden.count("file-quarantined"), 0, "it was in the jail already");
}

#[test]
fn an_unreliable_engine_is_refused_at_the_start() {
    let world = World::new();
    let silent = Clamd::with("AlertExceedsMax no\nAlertEncrypted yes\n");
    let run = |socket: &Path, more: &[&str]| {
        let (share, jail, socket) =
            (world.share.to_str().unwrap(), world.jail.to_str().unwrap(), socket.to_str().unwrap());
        let mut args = vec!["watch", "--share", share, "--jail", jail, "--clamd", socket];
        args.extend(more);
        let output = world.run(&args);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, error) = run(&silent.socket(), &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("AlertExceedsMax yes"), "{error}");
    let (status, error) = run(&world.dir.path().join("nobody"), &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("does not answer") && error.contains("--clamd"), "{error}");

    let blind = Clamd::prepared("AlertExceedsMax yes\nAlertEncrypted yes\n");
    fs::remove_file(blind.dir.path().join("db/cellblock-test.ndb")).unwrap();
    let mut blind = blind;
    blind.run();
    let (status, error) = run(&blind.socket(), &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("EICAR"), "{error}");

    let trusting = Clamd::with("AlertExceedsMax yes\n");
    let (status, error) = run(&trusting.socket(), &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("AlertEncrypted yes"), "{error}");

    let mut unaware = Clamd::prepared("AlertExceedsMax yes\nAlertEncrypted yes\n");
    fs::remove_file(unaware.dir.path().join("db/cellblock-encrypted.ndb")).unwrap();
    unaware.run();
    let (status, error) = run(&unaware.socket(), &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("cellblock-encrypted.ndb"), "{error}");

    let warden = world.watch(&silent, &["--allow-degraded"]);
    warden.wait("scanner-degraded", |record| record["event"]["outcome"] == "unknown");
}

#[test]
fn a_jail_that_is_open_to_others_or_lies_in_the_share_is_refused() {
    let (clamd, world) = (Clamd::start(), World::new());
    let run = |jail: &Path| {
        let mut command = world.command(&["watch"]);
        let output = command
            .arg("--share")
            .arg(&world.share)
            .arg("--jail")
            .arg(jail)
            .arg("--clamd")
            .arg(clamd.socket())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let inside = world.share.join("jail");
    fs::create_dir(&inside).unwrap();
    let (status, error) = run(&inside);
    assert!(status == Some(2) && error.contains("must not lie in one another"), "{error}");
    fs::set_permissions(&world.jail, fs::Permissions::from_mode(0o755)).unwrap();
    let (status, error) = run(&world.jail);
    assert!(status == Some(2) && error.contains("chmod 0700"), "{error}");
}

#[test]
fn a_file_that_is_never_closed_is_scanned_after_max_defer() {
    use std::io::Write;
    let (clamd, world) = (Clamd::start(), World::new());
    let warden = world.watch(&clamd, &[]);
    let began = Instant::now();
    let mut file = fs::File::create(world.share.join("open")).unwrap();
    file.write_all(&eicar()).unwrap();
    let record = warden.wait_file("file-quarantined", &world.share.join("open"));
    assert!(began.elapsed() >= Duration::from_millis(1900), "its writer was given time");
    assert_eq!(record["cellblock"]["scan"]["open_writer"], true);
    assert_eq!(file.metadata().unwrap().len(), 0, "its writer holds an empty file");
    assert_eq!(file.metadata().unwrap().nlink(), 0);
}

/// The most watches that the kernel gives in a user namespace of its own: so a test can have few.
const FEW_WATCHES: usize = 12;

#[test]
fn when_the_kernel_gives_no_more_watches_it_says_so_and_what_is_not_watched_is_found_by_walking() {
    let world = World::with(|policy| set(&policy, "rescan", "\"2s\""));
    let clamd = Clamd::start();
    for number in 0..30 {
        fs::create_dir(world.share.join(number.to_string())).unwrap();
    }
    let warden = world.watch_within(&clamd, &format!("echo {FEW_WATCHES} >/proc/sys/user/max_inotify_watches"));
    let record = warden.wait("watches-exhausted", |_| true);
    assert!(record["message"].as_str().unwrap().contains(&format!("after {FEW_WATCHES}:")), "{record}");
    for number in 0..30 {
        fs::write(world.share.join(number.to_string()).join("bad"), eicar()).unwrap();
    }
    for number in 0..30 {
        warden.wait_file("file-quarantined", &world.share.join(number.to_string()).join("bad"));
    }
    assert_eq!(warden.count("watches-exhausted"), 1, "told once");
}

/// How many watches of inotify a process has, and how many marked file systems of fanotify.
fn watches_and_marks(pid: u32) -> (usize, usize) {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let texts: Vec<String> = infos.map(|info| fs::read_to_string(info.unwrap().path()).unwrap_or_default()).collect();
    let count = |start: &str| texts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with(start)).count();
    (count("inotify wd:"), count("fanotify sdev:"))
}

#[test]
fn fanotify_sees_every_folder_with_one_mark_where_inotify_takes_a_watch_for_each() {
    let world = World::with(|policy| set(&policy, "rescan", "\"1h\""));
    let clamd = Clamd::start();
    for number in 0..300 {
        fs::create_dir(world.share.join(number.to_string())).unwrap();
    }
    let control = world.watch(&clamd, &[]);
    assert_eq!(watches_and_marks(control.pid()), (301, 0), "one for each folder, and the share");
    control.end();
    let warden = world.watch(&clamd, &["--source", "fanotify"]);
    assert_eq!(watches_and_marks(warden.pid()), (0, 1));
    for number in 0..300 {
        fs::write(world.share.join(number.to_string()).join("bad"), eicar()).unwrap();
    }
    for number in 0..300 {
        warden.wait_file("file-quarantined", &world.share.join(number.to_string()).join("bad"));
    }
    // A folder that is renamed, and one that is removed and made anew, are told by the names they have.
    fs::rename(world.share.join("1"), world.share.join("one")).unwrap();
    fs::remove_dir_all(world.share.join("2")).unwrap();
    fs::create_dir(world.share.join("2")).unwrap();
    for name in ["one/late", "2/late"] {
        fs::write(world.share.join(name), eicar()).unwrap();
        warden.wait_file("file-quarantined", &world.share.join(name));
    }
}

#[test]
fn without_the_right_to_it_fanotify_is_refused_with_the_way_out() {
    let world = World::new();
    let clamd = Clamd::start();
    let output = world.run_within(&clamd, "true", &["--source", "fanotify"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("--source inotify"), "{error}");
}

/// How often the engine looked at a file, by its own log.
fn scans(clamd: &Clamd) -> usize {
    let log = fs::read_to_string(clamd.dir.path().join("clamd.log")).unwrap();
    log.lines().filter(|line| line.ends_with(": OK") || line.contains(" FOUND")).count()
}

/// An agent's day: a session's log, and a database's journal that its owner holds open. Both are appended to by who
/// opens and closes them each time.
#[test]
fn large_files_that_are_closed_all_the_time_cost_few_scans_and_their_last_bytes_are_found_all_the_same() {
    use std::io::Write;
    let limits = "AlertExceedsMax yes\nAlertEncrypted yes\nMaxFileSize 512M\nMaxScanSize 1024M\n";
    let mut clamd = Clamd::prepared(&format!("{limits}LogClean yes\n"));
    let hex: String = eicar().iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(clamd.dir.path().join("db/anywhere.ndb"), format!("Test-Anywhere:0:*:{hex}\n")).unwrap();
    clamd.run();
    let world = World::new();
    let large = ["session.jsonl", "agent.sqlite-wal"].map(|name| world.share.join(name));
    for path in &large {
        fs::write(path, vec![b'x'; 50 << 20]).unwrap();
    }
    let warden = world.watch(&clamd, &[]);
    for path in &large {
        warden.wait_file("file-scanned", path);
    }
    let append = |path: &Path, bytes: &[u8]| {
        fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
    };
    let _held = fs::OpenOptions::new().append(true).open(&large[1]).unwrap();
    let before = scans(&clamd);
    for _ in 0..100 {
        large.iter().for_each(|path| append(path, b"{\"one\":\"more line\"}\n"));
        std::thread::sleep(Duration::from_millis(40));
    }
    // What is small and new does not wait for them.
    fs::write(world.share.join("small"), eicar()).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("small"));
    for path in &large {
        append(path, &[b"\n".as_slice(), &eicar()].concat());
        warden.wait_file("file-quarantined", path);
    }
    let scans = scans(&clamd) - before;
    assert!(scans < 30, "203 closes of three files cost {scans} scans");
}
