//! Is there an engine at all? Asked of the kernel's list of processes. Under systemd the engine's socket belongs to
//! systemd, which starts an engine for whoever connects: a watcher must never be the one who does.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Where systemd has the socket of Docker's unit.
const SOCKET: &str = "/run/docker.sock";

/// May a watcher connect to this socket, and start nobody by it? Not while no engine runs; nor while systemd ends the
/// one that does, for a connection that waits then starts it again.
pub(crate) fn may_be_asked(socket: &Path) -> bool {
    let real = socket.canonicalize().unwrap_or_else(|_| socket.to_owned());
    runs() && !(real == Path::new(SOCKET) && Path::new("/run/systemd/system").is_dir() && is_ending())
}

/// Is Docker's unit on its way down, or down? `false` where systemd does not say, or has no such unit.
fn is_ending() -> bool {
    let asked = Command::new("systemctl").args(["show", "--property=LoadState,ActiveState", "docker.service"]).output();
    asked.is_ok_and(|told| ends(&String::from_utf8_lossy(&told.stdout)))
}

/// From what `systemctl show` prints (systemd's D-Bus interface, org.freedesktop.systemd1(5)).
fn ends(told: &str) -> bool {
    let value = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value("LoadState") == Some("loaded") && matches!(value("ActiveState"), Some("deactivating" | "inactive" | "failed"))
}

/// The programs that answer at an engine's socket.
const ENGINES: [&[u8]; 2] = [b"dockerd\n", b"podman\n"];

/// Does an engine run on this machine, in whatever namespace? True as well where processes cannot be listed: then
/// the socket has to be asked.
fn runs() -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return true };
    let mut processes =
        entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    processes.any(|entry| fs::read(entry.path().join("comm")).is_ok_and(|name| ENGINES.contains(&name.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn a_unit_that_is_on_its_way_down_ends_and_one_that_is_not_there_says_nothing() {
        for state in ["deactivating", "inactive", "failed"] {
            assert!(ends(&format!("LoadState=loaded\nActiveState={state}\n")), "{state}");
            assert!(!ends(&format!("LoadState=not-found\nActiveState={state}\n")), "{state}");
        }
        for state in ["active", "activating", "reloading"] {
            assert!(!ends(&format!("LoadState=loaded\nActiveState={state}\n")), "{state}");
        }
        assert!(!ends(""));
    }
}
