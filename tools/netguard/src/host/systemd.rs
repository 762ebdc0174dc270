//! What netguard tells a service manager (`sd_notify(3)`): that the rules stand, so that it starts Docker only then.
//! Again and again it tells that the watch is awake, so that one that hangs is ended and begun again.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Says `READY=1` to `NOTIFY_SOCKET`, if somebody waits for it.
///
/// # Errors
/// If somebody waits and the message does not reach him.
pub(crate) fn notify_ready() -> Result<()> {
    let Some(socket) = listener() else { return Ok(()) };
    say(&socket, b"READY=1")
        .with_context(|| format!("NOTIFY_SOCKET={} could not be told that the moat stands", socket.display()))
}

/// Tells that the watch is awake, if somebody minds: only who makes a turn says so, no thread beside it.
#[derive(Debug)]
pub(crate) struct Watchdog {
    listener: Option<(OsString, Duration)>,
    last: Instant,
}

impl Watchdog {
    /// By `WATCHDOG_USEC`, which is meant for the process of `WATCHDOG_PID` (`sd_watchdog_enabled(3)`).
    pub(crate) fn new() -> Self {
        let value = |name| std::env::var(name).ok();
        let every = interval(value("WATCHDOG_USEC").as_deref(), value("WATCHDOG_PID").as_deref(), std::process::id());
        Self { listener: listener().zip(every), last: Instant::now() }
    }

    /// At each turn. One beat that is lost is followed by others before anybody misses it.
    pub(crate) fn ping(&mut self) {
        if let Some((socket, every)) = &self.listener
            && self.last.elapsed() >= *every
        {
            self.last = Instant::now();
            let _ = say(socket, b"WATCHDOG=1");
        }
    }
}

/// A third of the time after which it is missed.
fn interval(microseconds: Option<&str>, meant: Option<&str>, own: u32) -> Option<Duration> {
    let ours = meant.is_none_or(|meant| meant.parse() == Ok(own));
    let limit: u64 = microseconds?.parse().ok().filter(|_| ours)?;
    (limit > 0).then(|| Duration::from_micros(limit / 3))
}

fn listener() -> Option<OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
}

fn say(socket: &OsString, words: &[u8]) -> std::io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(words, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beats_three_times_before_it_is_missed_and_for_nobody_who_minds_another_process() {
        assert_eq!(interval(Some("60000000"), Some("7"), 7), Some(Duration::from_secs(20)));
        assert_eq!(interval(Some("3000000"), None, 7), Some(Duration::from_secs(1)));
        assert_eq!(interval(Some("60000000"), Some("8"), 7), None);
        assert_eq!(
            (interval(Some("0"), None, 7), interval(Some("soon"), None, 7), interval(None, None, 7)),
            (None, None, None)
        );
    }
}
