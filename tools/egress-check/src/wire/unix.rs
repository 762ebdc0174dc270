//! A Unix socket in a container's file tree, such as Docker's: is it there, and does it answer?
//!
//! The prisoner chooses what its file tree looks like. The path is walked inside that tree with no magic links
//! (openat2(2), `RESOLVE_IN_ROOT`). The socket is reached by the descriptor that this walk found. So no link of the
//! prisoner's can lead to a socket of the host's. Nor can it hide an engine's socket by moving the folder away that it
//! is mounted in. The mount table says where it went, and a socket is known by its inode.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::{Origin, Step, http};
use crate::host;
use crate::probe::observation::Observation;

/// Docker's own "are you there", which any HTTP server answers somehow.
const PING: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n";

/// Connects to a Unix socket and sends Docker's `GET /_ping`.
pub(super) async fn ask(origin: &Origin, path: &str, deadline: Instant) -> Step<Observation> {
    let (socket, found) = match find(&origin.tree, path) {
        Ok(socket) => (socket, path.to_owned()),
        Err(not_there) => elsewhere(origin, path).ok_or(not_there)?,
    };
    let by_descriptor = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let stream = match timeout_at(deadline, UnixStream::connect(by_descriptor)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Observation::of(&error)),
        Err(_) => return Err(Observation::Silent),
    };
    let response = http::exchange(stream, PING, deadline).await?;
    Ok(Observation::Answered { bytes: response.bytes, what: format!("HTTP {} at {found}", response.status) })
}

/// An engine's socket under another name: at a mount point, or below one by the end of its path.
fn elsewhere(origin: &Origin, path: &str) -> Option<(OwnedFd, String)> {
    let engines: Vec<(u64, u64)> = host::sockets()
        .iter()
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|metadata| (metadata.dev(), metadata.ino()))
        .collect();
    let is_engine = |socket: &OwnedFd| fstat(socket).is_ok_and(|stat| engines.contains(&(stat.st_dev, stat.st_ino)));
    let tails: Vec<&Path> =
        Path::new(path).ancestors().filter_map(|parent| Path::new(path).strip_prefix(parent).ok()).collect();
    let names = origin.mounts.iter().flat_map(|mount| tails.iter().map(move |tail| Path::new(mount).join(tail)));
    names.filter_map(|name| name.to_str().map(|name| name.trim_end_matches('/').to_owned())).find_map(|name| {
        let socket = find(&origin.tree, &name).ok().filter(is_engine)?;
        Some((socket, name))
    })
}

fn find(tree: &OwnedFd, path: &str) -> Step<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = openat2(tree, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve);
    let socket = found.map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Observation::Unreachable(format!("no {path}: {error}")),
        error => Observation::NotMade(format!("{path}: {error}")),
    })?;
    let stat = fstat(&socket).map_err(|error| Observation::NotMade(format!("{path}: {error}")))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => Ok(socket),
        _ => Err(Observation::Unreachable(format!("{path} is no socket"))),
    }
}
