//! Tells a service manager that the rules stand, so that it starts Docker only then (`sd_notify(3)`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use anyhow::{Context, Result};

/// Says `READY=1` to `NOTIFY_SOCKET`, if somebody waits for it.
///
/// # Errors
/// If somebody does and cannot be told.
pub(crate) fn tell() -> Result<()> {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else {
        return Ok(());
    };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&socket),
    };
    let told = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address));
    told.map(drop).with_context(|| format!("NOTIFY_SOCKET={} could not be told that the moat stands", socket.display()))
}
