//! Is there an engine at all? Asked of the kernel's list of processes. Under systemd the engine's socket belongs to
//! systemd, which starts an engine for whoever connects: a watcher must never be the one who does.

use std::fs;

/// Does a `dockerd` run on this machine, in whatever namespace? True as well where processes cannot be listed: then
/// the socket has to be asked.
#[must_use]
pub fn runs() -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return true };
    let mut processes =
        entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    processes.any(|entry| fs::read(entry.path().join("comm")).is_ok_and(|name| name == b"dockerd\n"))
}
