//! A Unix socket in a container's file tree, such as Docker's: is it there, and does it answer?
//!
//! The prisoner chooses what its file tree looks like. The path is walked inside that tree with no
//! magic links (openat2(2), `RESOLVE_IN_ROOT`), and the socket is reached by the descriptor that this
//! walk found, so no link of the prisoner's can lead to a socket of the host's.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::{Step, http};
use crate::sight::Sight;

/// Docker's own "are you there", which any HTTP server answers somehow.
const PING: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n";

/// Connects and asks.
pub(super) async fn ask(tree: &OwnedFd, path: &str, deadline: Instant) -> Step<Sight> {
    let socket = find(tree, path)?;
    let by_descriptor = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let stream = match timeout_at(deadline, UnixStream::connect(by_descriptor)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Sight::of(&error)),
        Err(_) => return Err(Sight::Silent),
    };
    let response = http::exchange(stream, PING, deadline).await?;
    Ok(Sight::Answered { bytes: response.bytes, what: format!("HTTP {}", response.status) })
}

fn find(tree: &OwnedFd, path: &str) -> Step<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = openat2(tree, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve);
    let socket = found.map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Sight::Unreachable(format!("no {path}: {error}")),
        error => Sight::NotMade(format!("{path}: {error}")),
    })?;
    let stat = fstat(&socket).map_err(|error| Sight::NotMade(format!("{path}: {error}")))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => Ok(socket),
        _ => Err(Sight::Unreachable(format!("{path} is no socket"))),
    }
}
