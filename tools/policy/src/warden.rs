//! `[warden]`: how the share is scanned, and where what is found goes.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::GlobSet;

use crate::{Bytes, Share};

/// The scanner's settings.
#[derive(Debug, Clone)]
pub struct Warden {
    /// The jail, outside of every mount of the cell.
    pub jail: Share,
    /// Where clamd listens.
    pub clamd: Clamd,
    /// Patterns of file names (not paths) that are deferred, as written.
    pub defer: Vec<String>,
    /// The longest a file is deferred, from the first sight of its inode; 1 ms to 24 h.
    pub max_defer: Duration,
    /// Larger files are not scanned but reported as such.
    pub max_size: Bytes,
    /// What happens to a file that could not be scanned.
    pub on_unscanned: OnUnscanned,
    /// The time between two walks of the whole share, 1 s to 365 d.
    pub rescan: Duration,
    pub(crate) globs: GlobSet,
}

impl Warden {
    /// Whether a file of this name (the last component, any bytes) is deferred.
    pub fn defers(&self, file_name: &OsStr) -> bool {
        self.globs.is_match(Path::new(file_name))
    }
}

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clamd {
    /// A Unix socket, absolute path, in the warden's own view: descriptors can be passed.
    Unix(PathBuf),
    /// `tcp://ADDRESS:PORT`: content must be streamed.
    Tcp(SocketAddr),
}

/// What happens to a file that could not be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnscanned {
    /// A record says so; the file stays.
    #[default]
    Report,
    /// It is jailed like an infected one.
    Quarantine,
}
