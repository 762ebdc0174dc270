//! News that nobody asks for. The kernel's: somebody changed rules, or this machine joined or left a network.
//! And by threads of our own, which wake us by a socket: one wait sees them all.
//!
//! Of rules we listen only while there is something to hear. As long as anybody on the machine listens, the kernel
//! writes 8 KiB for each element of a loaded set. That takes several times as long as the load. So when nobody has
//! changed a rule for a while, only the rules' generation is asked, over and over. A change of it is news, and from
//! then on we listen.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::backend::Table;
use crate::backend::nft::transaction;
use crate::host::netlink::{Listener, Message, Netlink, attribute};
use crate::host::numbers::{
    NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTABLES, NFT_MSG_DELTABLE, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE, RTMGRP_LINK,
};

/// For how long nobody must have changed a rule before we no longer listen.
const IDLE: Duration = Duration::from_secs(2);
/// How often the generation is asked then. Rules that are gone are back after this and one load (10 ms) at most: 50 ms
/// are promised. At 20 ms it was the largest part of what a machine at rest pays for the guard.
const TICK: Duration = Duration::from_millis(30);
/// The group of changes of rules.
const RULES: u32 = NFNLGRP_NFTABLES;
/// Groups of links, addresses and routes of both families (rtnetlink(7)).
const NETWORKS: u32 = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;

/// What happened since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Our table was touched, or so much happened that it may have been.
    pub(crate) table: bool,
    /// Our table was deleted.
    pub(crate) gone: bool,
    /// Interfaces, addresses or routes changed.
    pub(crate) networks: bool,
    /// A thread of ours has something to say.
    pub(crate) woken: bool,
}

/// All that wakes the watch: netfilter, routes, and threads of ours.
#[derive(Debug)]
pub(crate) struct Events {
    rules: Listener,
    /// Whether we may stop listening now and then.
    rests: bool,
    /// When rules were last heard of.
    heard: Instant,
    /// While we do not listen: the generation of the rules that all we know is of.
    known: Option<u32>,
    numbers: Netlink,
    tables: &'static [Table],
    networks: Listener,
    wake_receiver: UnixStream,
    wake_sender: UnixStream,
}

/// Ends a wait for news.
#[derive(Debug)]
pub(crate) struct Waker(UnixStream);

impl Waker {
    /// Rings. One that is not heard yet counts for all after it.
    pub(crate) fn wake(&self) {
        let _ = (&self.0).write(&[1]);
    }
}

impl Events {
    /// Begins to listen to what is told of these tables, and of networks; what happens from here on is not
    /// missed. With `rests`, any change of rules is news that comes after a time without one.
    ///
    /// # Errors
    /// If the kernel does not let us.
    pub(crate) fn open(tables: &'static [Table], rests: bool) -> Result<Self> {
        let (wake_receiver, wake_sender) = UnixStream::pair().context("no pair of sockets that wakes the watch")?;
        wake_receiver.set_nonblocking(true)?;
        wake_sender.set_nonblocking(true)?;
        Ok(Self {
            rules: Listener::netfilter(RULES)?,
            rests,
            heard: Instant::now(),
            known: None,
            numbers: Netlink::netfilter()?,
            tables,
            networks: Listener::route(NETWORKS)?,
            wake_receiver,
            wake_sender,
        })
    }

    /// For a thread that has something to say now and then.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn waker(&self) -> Result<Waker> {
        self.wake_sender.try_clone().map(Waker).context("no socket for a thread to wake the watch by")
    }

    /// Works without listening to what happens to rules meanwhile, so they must be looked at again.
    ///
    /// # Errors
    /// If the kernel does not let us listen again.
    pub(crate) fn unsubscribed<T>(&mut self, work: impl FnOnce() -> T) -> Result<T> {
        self.rules.hear(0)?;
        let done = work();
        self.listen()?;
        Ok(done)
    }

    fn listen(&mut self) -> Result<()> {
        self.rules.hear(RULES)?;
        (self.known, self.heard) = (None, Instant::now());
        Ok(())
    }

    /// Waits for news, this long at most, and takes all there is.
    ///
    /// # Errors
    /// If the kernel's messages cannot be read.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<Seen> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let nap = if self.known.is_some() { left.min(TICK) } else { left };
            let seen = self.take(nap)?;
            if seen != Seen::default() || nap == left {
                return Ok(seen);
            }
        }
    }

    /// Waits for one of the sources. A signal ends the wait early.
    fn take(&mut self, time: Duration) -> Result<Seen> {
        // Asked before the news are taken: what changes in between is news, or another generation.
        let generation = if self.rests && self.known.is_none() && self.heard.elapsed() >= IDLE {
            transaction::generation(&mut self.numbers).ok()
        } else {
            None
        };
        let limit = Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() };
        let mut sources = [
            PollFd::new(&self.rules, PollFlags::IN),
            PollFd::new(&self.networks, PollFlags::IN),
            PollFd::new(&self.wake_receiver, PollFlags::IN),
        ];
        match rustix::event::poll(&mut sources, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("the kernel's news could not be waited for"),
        }
        // At rest nothing is there to be read, and each look for it is paid thirty times a second.
        if sources.iter().all(|source| source.revents().is_empty()) {
            return Ok(Seen { table: self.turn(false, generation)?, ..Seen::default() });
        }
        let mut seen = Seen::default();
        let mut heard = false;
        let lost = self.rules.drain(|message| {
            heard = true;
            let ours = is_of(self.tables, message);
            seen.table |= ours;
            seen.gone |= ours && message.kind == NFT_MSG_DELTABLE;
        })?;
        seen.table |= lost;
        seen.table |= self.turn(heard || lost, generation)?;
        seen.networks |= self.networks.drain(|_| seen.networks = true)?;
        let mut rings = [0; 64];
        while (&self.wake_receiver).read(&mut rings).is_ok_and(|read| read > 0) {
            seen.woken = true;
        }
        Ok(seen)
    }

    /// Begins or ends to listen to what happens to rules. `Ok(true)`: something happened that was not heard.
    fn turn(&mut self, heard: bool, generation: Option<u32>) -> Result<bool> {
        if heard {
            self.heard = Instant::now();
        }
        if let Some(known) = self.known {
            let same = transaction::generation(&mut self.numbers).is_ok_and(|now| now == known);
            return if same { Ok(false) } else { self.listen().map(|()| true) };
        }
        if !heard && generation.is_some() {
            self.rules.hear(0)?;
            self.known = generation;
        }
        Ok(false)
    }
}

/// Every message about a table, or what is in one, names it in its first attribute.
fn is_of(tables: &[Table], message: Message<'_>) -> bool {
    let named = message.body.get(4..).and_then(|rest| attribute(rest, 1)).and_then(|name| name.strip_suffix(&[0]));
    let told = |&(family, name): &Table| message.body.first() == Some(&family) && named == Some(name.as_bytes());
    message.kind & 0xff00 == NFNL_SUBSYS_NFTABLES && tables.iter().any(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::append;

    #[test]
    fn only_news_of_the_tables_that_are_ours_counts() {
        let body = |family: u8, name: &[u8]| {
            let mut body = vec![family, 0, 0, 0];
            append(&mut body, 1, false, name);
            body
        };
        let ours = |kind, body: &[u8]| is_of(&[(1, "netguard"), (10, "mangle")], Message { kind, body });
        assert!(ours(0x0a02, &body(1, b"netguard\0")));
        assert!(ours(0x0a02, &body(10, b"mangle\0")));
        assert!(!ours(0x0a02, &body(1, b"netguard2\0")));
        assert!(!ours(0x0a02, &body(2, b"netguard\0")));
        assert!(!ours(0x0102, &body(1, b"netguard\0")));
        assert!(!ours(0x0a02, b"\x01"));
    }
}
