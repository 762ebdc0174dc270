//! `[warden]`: how the share is scanned, and where what is found goes.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::{Glob, GlobSet};

use crate::reader::invalid::quoted;
use crate::reader::schema;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::sections::{cell, repo};
use crate::types::duration;
use crate::{Bytes, Share};

/// Section `[warden]`: the scanner's settings.
#[derive(Debug, Clone)]
pub struct Warden {
    /// The jail, outside of every mount of the cell.
    pub jail: Share,
    /// Where the warden reaches clamd.
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
    globs: GlobSet,
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

const UNSCANNED: [(&str, OnUnscanned); 2] = [("report", OnUnscanned::Report), ("quarantine", OnUnscanned::Quarantine)];
const DAY: Duration = Duration::from_secs(86_400);
/// `sun_path` of unix(7), less the NUL.
const LONGEST_SOCKET: usize = 107;

pub(crate) fn read(section: &Section<'_>) -> Option<Warden> {
    let jail = section.table("jail", &schema::JAIL, |jail| cell::read_share(jail, "jail", Bytes(1 << 30)));
    let clamd = section.or("clamd", Clamd::Unix(PathBuf::from("/run/clamav/clamd.sock")), read_clamd);
    let defer =
        section.or("defer", Glob::new("*.tmp").into_iter().collect(), |value| value.list(0..=100, name_pattern));
    let max_defer = section
        .or("max_defer", Duration::from_secs(30), |value| duration::read(value, &(Duration::from_millis(1)..=DAY)));
    let max_size = section.or("max_size", Bytes(100 << 20), Bytes::read);
    let on_unscanned = section.or("on_unscanned", OnUnscanned::Report, |value| value.word(&UNSCANNED));
    let rescan = section
        .or("rescan", Duration::from_secs(900), |value| duration::read(value, &(Duration::from_secs(1)..=365 * DAY)));
    let defer = defer?;
    let globs = GlobSet::new(&defer).ok().or_else(|| section.refuse("defer", "too many patterns", "write fewer"))?;
    Some(Warden {
        jail: jail?,
        clamd: clamd?,
        defer: defer.iter().map(|glob| glob.glob().to_owned()).collect(),
        max_defer: max_defer?,
        max_size: max_size?,
        on_unscanned: on_unscanned?,
        rescan: rescan?,
        globs,
    })
}

fn read_clamd(value: &Value<'_>) -> Option<Clamd> {
    let text = value.text()?;
    let mend = "write an absolute path of a socket, or \"tcp://ADDRESS:PORT\"";
    if let Some(socket) = text.strip_prefix("tcp://") {
        let address = socket.parse().ok().filter(|socket: &SocketAddr| socket.port() != 0);
        return address
            .map(Clamd::Tcp)
            .or_else(|| value.refuse(format!("{} is no address and port", quoted(text)), mend));
    }
    let path = Path::new(text);
    let plain = path.is_absolute() && !text.chars().any(char::is_control) && !path.ends_with("..");
    if !plain || text.len() > LONGEST_SOCKET {
        return value.refuse(format!("{} is no path of a socket", quoted(text)), mend);
    }
    Some(Clamd::Unix(path.to_owned()))
}

fn name_pattern(value: &Value<'_>) -> Option<Glob> {
    let text = value.text()?;
    if text.contains('/') {
        return value.refuse(format!("{} is a path", quoted(text)), "write a pattern of names, such as \"*.tmp\"");
    }
    repo::glob(value, text)
}
