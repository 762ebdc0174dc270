//! What the tests stand on: a real clamd with a database of two lines, a real scanwatch, and a policy.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Debian's files that one hash signature finds.
pub(crate) const TESTFILES: &str = "/usr/share/clamav-testfiles";

/// The EICAR test file, put together here, so that no file of the repository holds it.
pub(crate) fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"].concat().into_bytes()
}

/// The signatures that the warden's engine ships with.
pub(crate) fn signatures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/images/clamd/signatures")
}

/// A clamd of our own, on a socket in a folder of its own.
pub(crate) struct Clamd {
    pub(crate) dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Clamd {
    /// With the shipped signatures and limits well above what tests write.
    pub(crate) fn start() -> Self {
        Self::with("AlertExceedsMax yes\nAlertEncrypted yes\nMaxFileSize 512M\nMaxScanSize 1024M\n")
    }

    /// With these lines in its configuration.
    pub(crate) fn with(lines: &str) -> Self {
        let mut clamd = Self::prepared(lines);
        clamd.run();
        clamd
    }

    /// Configured and not started.
    pub(crate) fn prepared(lines: &str) -> Self {
        assert!(Path::new("/usr/sbin/clamd").exists(), "clamd is missing: scripts/setup installs clamav-daemon");
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        fs::create_dir(dir.path().join("db")).unwrap();
        for entry in fs::read_dir(signatures()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), dir.path().join("db").join(entry.file_name())).unwrap();
        }
        let conf = format!(
            "Foreground yes\nLocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nLogFile {}\n\
             FixStaleSocket yes\nDisableCache yes\nMaxThreads 4\nUser {}\n{lines}",
            at("clamd.sock"),
            at("db"),
            dir.path().display(),
            at("clamd.log"),
            user(),
        );
        fs::write(dir.path().join("clamd.conf"), conf).unwrap();
        Self { dir, child: None }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("clamd.sock")
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn run(&mut self) {
        let child = Command::new("clamd")
            .arg("-c")
            .arg(self.dir.path().join("clamd.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "clamd did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("clamd.log")).unwrap_or_default()
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A share, a jail and a policy.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) share: PathBuf,
    pub(crate) jail: PathBuf,
    pub(crate) policy: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|policy| policy)
    }

    /// With changes to the text of the shipped policy.
    pub(crate) fn with(change: impl FnOnce(String) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (share, jail) = (dir.path().join("share"), dir.path().join("jail"));
        fs::create_dir(&share).unwrap();
        fs::create_dir(&jail).unwrap();
        fs::set_permissions(&jail, fs::Permissions::from_mode(0o700)).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/policy.toml");
        let text = fs::read_to_string(shipped).unwrap();
        let text = set(&text, "max_defer", "\"2s\"");
        let policy = dir.path().join("policy.toml");
        fs::write(&policy, change(text)).unwrap();
        Self { dir, share, jail, policy }
    }

    /// The arguments that name this world's policy.
    pub(crate) fn policy_args(&self) -> [String; 4] {
        let path = |path: &Path| path.display().to_string();
        ["--policy".into(), path(&self.policy), "--root".into(), path(self.dir.path())]
    }

    /// `scanwatch ARGS…` with the policy, run to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanwatch"));
        command.args(args).args(self.policy_args()).stdin(Stdio::null());
        command
    }

    /// A warden on the share, started and watching.
    pub(crate) fn watch(&self, clamd: &Clamd, more: &[&str]) -> Warden {
        let warden = self.watch_unverified(&clamd.socket(), more);
        warden.wait("rescan-finished", |_| true);
        warden
    }

    /// A warden on the share, started.
    pub(crate) fn watch_unverified(&self, socket: &Path, more: &[&str]) -> Warden {
        let mut command = self.watching(socket);
        command.args(more);
        Warden::spawn(command)
    }

    /// A warden on the share in a user namespace of its own, where this line of shell was run before.
    pub(crate) fn watch_within(&self, clamd: &Clamd, line: &str) -> Warden {
        Warden::spawn(self.within(clamd, line, &[]))
    }

    /// The same, run to its end.
    pub(crate) fn run_within(&self, clamd: &Clamd, line: &str, more: &[&str]) -> Output {
        self.within(clamd, line, more).output().unwrap()
    }

    fn within(&self, clamd: &Clamd, line: &str, more: &[&str]) -> Command {
        let watching = self.watching(&clamd.socket());
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", &format!("{line} && exec \"$@\""), "sh"]);
        command.arg(watching.get_program()).args(watching.get_args()).args(more).stdin(Stdio::null());
        command
    }

    fn watching(&self, socket: &Path) -> Command {
        let mut command = self.command(&["watch"]);
        command.arg("--share").arg(&self.share).arg("--jail").arg(&self.jail).arg("--clamd").arg(socket);
        command
    }

    /// The files in the jail with this end of the name.
    pub(crate) fn jailed(&self, end: &str) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.jail)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_str().unwrap().ends_with(end))
            .collect();
        paths.sort();
        paths
    }

    pub(crate) fn is_tombstone(&self, name: impl AsRef<Path>) -> bool {
        fs::read_to_string(self.share.join(name)).is_ok_and(|text| text.contains("taken away by the warden"))
    }
}

/// Replaces the value of a key of the policy.
pub(crate) fn set(policy: &str, key: &str, value: &str) -> String {
    let mut found = 0;
    let lines: Vec<String> = policy
        .lines()
        .map(|line| {
            let is_it = line.split('=').next().is_some_and(|name| name.trim() == key);
            found += usize::from(is_it);
            if is_it { format!("{key} = {value}") } else { line.to_owned() }
        })
        .collect();
    assert_eq!(found, 1, "{key} stands {found} times in the policy");
    lines.join("\n")
}

/// A running `scanwatch watch`, with its records.
pub(crate) struct Warden {
    child: Child,
    lines: Receiver<Value>,
    seen: std::cell::RefCell<Vec<Value>>,
}

/// Longest wait for a record. Generous: the machine may be busy.
const TIMEOUT: Duration = Duration::from_secs(120);

impl Warden {
    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new().into() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first record with this action that fits, among those seen and those to come.
    pub(crate) fn wait(&self, action: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let is_it = |record: &Value| record["event"]["action"] == action && fits(record);
        if let Some(record) = self.seen.borrow().iter().find(|record| is_it(record)) {
            return record.clone();
        }
        let ends = Instant::now() + TIMEOUT;
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(record) => {
                    self.seen.borrow_mut().push(record.clone());
                    if is_it(&record) {
                        return record;
                    }
                }
                Err(_) => panic!("no {action} that fits among:\n{}", self.as_text()),
            }
        }
    }

    /// The record of this action on a file of the share.
    pub(crate) fn wait_file(&self, action: &str, path: &Path) -> Value {
        let path = path.to_string_lossy().into_owned();
        self.wait(action, |record| record["file"]["path"] == path.as_str())
    }

    /// All records seen so far, read or not.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.seen.borrow_mut().extend(self.lines.try_iter());
        self.seen.borrow().clone()
    }

    fn as_text(&self) -> String {
        self.records().iter().map(|record| format!("{record}\n")).collect()
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.records().iter().filter(|record| record["event"]["action"] == action).count()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Ends it, and gives all its records and its exit status.
    pub(crate) fn end(mut self) -> (Vec<Value>, i32) {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        while let Ok(record) = self.lines.recv_timeout(Duration::from_secs(5)) {
            self.seen.borrow_mut().push(record);
        }
        (self.seen.take(), status.code().unwrap_or(-1))
    }

    /// Waits until it dies of itself, and gives its records and the signal it died of.
    pub(crate) fn wait_death(mut self) -> (Vec<Value>, Option<i32>) {
        use std::os::unix::process::ExitStatusExt;
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > TIMEOUT => panic!("it did not die"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        while let Ok(record) = self.lines.recv_timeout(Duration::from_secs(5)) {
            self.seen.borrow_mut().push(record);
        }
        (self.seen.take(), status.signal())
    }

    /// Ends it the hard way.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < TIMEOUT, "{what} never came true");
        std::thread::sleep(Duration::from_millis(10));
    }
}
