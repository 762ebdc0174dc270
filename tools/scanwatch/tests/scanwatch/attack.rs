//! What the one who writes the share tries against the warden itself. Each attack has its control: what it
//! would have done to a warden that does not know it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Clamd, World, eicar, until};

/// A process of the attacker's, ended with the test.
pub(crate) struct Attacker(Child);

impl Attacker {
    /// Runs Python, and waits until it says that it is ready.
    pub(crate) fn python(script: &str, args: &[&Path]) -> Self {
        let mut command = Command::new("python3");
        let mut child = command.args(["-c", script]).args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes a lease on a file, gives it up when the kernel asks, and takes it anew at once.
const LEASE: &str = "import fcntl, os, signal, sys
kind = {'read': fcntl.F_RDLCK, 'write': fcntl.F_WRLCK}[sys.argv[1]]
fd = os.open(sys.argv[2], os.O_RDONLY)
def again(*_):
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    for _ in range(1000):
        try: return fcntl.fcntl(fd, fcntl.F_SETLEASE, kind)
        except OSError: pass
signal.signal(signal.SIGIO, again)
fcntl.fcntl(fd, fcntl.F_SETLEASE, kind)
print('ready', flush=True)
while True: signal.pause()
";

/// fcntl.h, Linux.
const O_NONBLOCK: i32 = 0o4000;

/// The control: who asks without waiting is kept out, nearly always. On a busy machine the attacker may be interrupted
/// between giving up and taking anew.
fn keeps_out(options: &mut OpenOptions, path: &Path) {
    options.custom_flags(O_NONBLOCK);
    let is_out = |_: &usize| {
        std::thread::sleep(Duration::from_millis(50));
        options.open(path).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let kept_out = (0..10).filter(is_out).count();
    assert!(kept_out >= 7, "kept out {kept_out} times of 10");
}

#[test]
fn a_lease_that_is_taken_anew_each_time_does_not_keep_a_file_from_being_scanned() {
    let (clamd, world) = (Clamd::start(), World::new());
    let path = world.share.join("bad");
    fs::write(&path, eicar()).unwrap();
    let _attacker = Attacker::python(LEASE, &[Path::new("write"), &path]);
    keeps_out(OpenOptions::new().read(true), &path);
    let warden = world.watch(&clamd, &[]);
    warden.wait_file("file-quarantined", &path);
    assert!(world.is_tombstone("bad"));
}

#[test]
fn a_lease_that_is_taken_anew_each_time_does_not_keep_what_was_found() {
    let (clamd, world) = (Clamd::start(), World::new());
    let (path, other) = (world.share.join("bad"), world.dir.path().join("other"));
    fs::write(&path, eicar()).unwrap();
    fs::hard_link(&path, &other).unwrap();
    let _attacker = Attacker::python(LEASE, &[Path::new("read"), &path]);
    keeps_out(OpenOptions::new().write(true), &path);
    let warden = world.watch(&clamd, &[]);
    let record = warden.wait_file("file-quarantined", &path);
    if record["cellblock"]["scan"]["emptied"] == false {
        assert_eq!(
            (record["event"]["outcome"].as_str(), record["event"]["severity"].as_u64()),
            (Some("failure"), Some(99))
        );
        let later = warden.wait_file("remains-emptied", &path);
        assert_eq!(later["cellblock"]["scan"]["jail_id"], record["cellblock"]["scan"]["jail_id"]);
    }
    assert_eq!(fs::metadata(&other).unwrap().len(), 0, "another name leads to nothing");
}

#[test]
fn a_program_that_runs_is_emptied_when_it_has_ended() {
    let world = World::new();
    let mut clamd = Clamd::prepared("AlertExceedsMax yes\nAlertEncrypted yes\nMaxFileSize 512M\nMaxScanSize 1024M\n");
    let hex: String = b"xylophone-forty-two".iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(clamd.dir.path().join("db/word.ndb"), format!("Our-Own-Word:0:*:{hex}\n")).unwrap();
    clamd.run();
    let (path, other) = (world.share.join("program"), world.dir.path().join("other"));
    let program = [fs::read("/bin/sleep").unwrap(), b"xylophone-forty-two".to_vec()].concat();
    fs::write(&path, &program).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::hard_link(&path, &other).unwrap();
    let running = Attacker(Command::new(&path).arg("600").spawn().unwrap());
    until("it runs", || fs::read_link(format!("/proc/{}/exe", running.0.id())).is_ok_and(|exe| exe == path));
    let busy = OpenOptions::new().write(true).open(&path).expect_err("a program that runs cannot be written");
    assert_eq!(busy.kind(), std::io::ErrorKind::ExecutableFileBusy);

    let warden = world.watch(&clamd, &[]);
    let record = warden.wait_file("file-quarantined", &path);
    assert_eq!(record["event"]["outcome"], "failure", "another name leads to it, and that is told: {record}");
    assert_eq!(record["cellblock"]["scan"]["emptied"], false);
    assert!(world.is_tombstone("program"));
    assert_eq!(fs::read(&other).unwrap(), program, "the control: it is there still");
    drop(running);
    let record = warden.wait_file("remains-emptied", &path);
    assert_eq!(record["event"]["outcome"], "success");
    assert_eq!(fs::metadata(&other).unwrap().len(), 0);
}

#[test]
fn allowed_content_that_somebody_can_still_write_is_not_let_through() {
    let (clamd, world) = (Clamd::start(), World::new());
    let hash = Command::new("sha256sum").stdin(file_with(&world, &eicar())).output().unwrap().stdout;
    let hash = String::from_utf8(hash).unwrap()[..64].to_owned();
    let allowed = format!("{{\"sha256\":\"{hash}\",\"reason\":\"ours\",\"since\":\"2026-11-22T00:00:00Z\"}}\n");
    fs::write(world.jail.join("allowed.jsonl"), allowed).unwrap();
    let warden = world.watch(&clamd, &[]);
    // The control: nobody has it open, and it stays.
    fs::write(world.share.join("ours"), eicar()).unwrap();
    warden.wait_file("file-scanned", &world.share.join("ours"));
    // Who has it open may have changed it back and forth while it was hashed and scanned.
    fs::write(world.share.join("open.tmp"), eicar()).unwrap();
    let _open = OpenOptions::new().write(true).open(world.share.join("open.tmp")).unwrap();
    fs::rename(world.share.join("open.tmp"), world.share.join("open")).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("open"));
    assert_eq!(fs::read(world.share.join("ours")).unwrap(), eicar());
}

fn file_with(world: &World, content: &[u8]) -> File {
    let path = world.dir.path().join("content");
    fs::write(&path, content).unwrap();
    File::open(path).unwrap()
}

/// A path of 62 KiB, with folders at its end. Their paths would take 190 MB each time they are noted.
const NEST: &str = "import os, sys
os.chdir(sys.argv[1])
for _ in range(250):
    os.mkdir('d' * 250); os.chdir('d' * 250)
for number in range(3000): os.mkdir(str(number))
print('ready', flush=True)
";

#[test]
fn a_wide_folder_at_the_end_of_a_long_path_does_not_exhaust_the_warden() {
    let (clamd, world) = (Clamd::start(), World::new());
    Attacker::python(NEST, &[&world.share]);
    let warden = world.watch(&clamd, &[]);
    let walk = warden.wait("rescan-finished", |_| true);
    assert_eq!(walk["cellblock"]["scan"]["directories"], 3251, "the control: it walked them all");
    warden.wait("watches-exhausted", |record| record["event"]["reason"].as_str().unwrap().contains("memory"));
    let status = fs::read_to_string(format!("/proc/{}/status", warden.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(kilobytes < 160 << 10, "{kilobytes} kB");
    // It is at work all the same.
    fs::write(world.share.join("bad"), eicar()).unwrap();
    warden.wait_file("file-quarantined", &world.share.join("bad"));
    // By its path it could not be removed.
    assert!(Command::new("rm").arg("-rf").arg(world.share.join("d".repeat(250))).status().unwrap().success());
}
