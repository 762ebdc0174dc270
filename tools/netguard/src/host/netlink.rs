//! Netlink: questions to the kernel, and the messages that answer them (RFC 3549, netlink(7)).
//!
//! The only file that opens such sockets. Parsing never trusts a length that a message states.

mod attribute;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

pub(crate) use attribute::{append, attribute, attributes, field, pieces};

use crate::host::numbers::{NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};

/// `struct nlmsghdr`
const HEADER: usize = 16;
/// Larger than any datagram the kernel puts a dump in.
const BUFFER: usize = 256 << 10;
/// How often an interrupted dump is made again.
const TRIES: u32 = 10;

/// A socket to one part of the kernel.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One message without its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The message's type (`nlmsg_type`).
    pub(crate) kind: u16,
    /// What it says: a fixed struct and attributes.
    pub(crate) body: &'a [u8],
}

impl Netlink {
    /// To what knows interfaces, addresses and routes.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn route() -> Result<Self> {
        Self::open(None)
    }

    /// To the packet filter and connection tracking.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn netfilter() -> Result<Self> {
        Self::open(Some(netlink::NETFILTER))
    }

    fn open(protocol: Option<rustix::net::Protocol>) -> Result<Self> {
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
            .context("the kernel gives no netlink socket")?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// Whether there is an interface of this name.
    pub(crate) fn has(&self, interface: &str) -> bool {
        rustix::net::netdevice::name_to_index(&self.socket, interface).is_ok()
    }

    /// Asks for everything of a kind, and hands over each message. Starts again when the kernel says that
    /// things changed meanwhile; `restart` is called before every try.
    ///
    /// # Errors
    /// What the kernel says, or that it never came to an end.
    pub(crate) fn dump<S>(
        &mut self,
        kind: u16,
        body: &[u8],
        restart: impl Fn() -> S,
        mut each: impl FnMut(&mut S, Message<'_>),
    ) -> Result<S> {
        for _ in 0..TRIES {
            let mut state = restart();
            self.send(kind, NLM_F_DUMP, body)?;
            if self.receive(false, |message| each(&mut state, message))? {
                return Ok(state);
            }
        }
        bail!("what was asked of the kernel changed faster than it could be read");
    }

    /// Asks for something to be done, and waits for the answer. `Ok(false)`: there is no such thing.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn ask(&mut self, kind: u16, body: &[u8]) -> Result<bool> {
        self.send(kind, NLM_F_ACK, body)?;
        match self.receive(false, |_| ()) {
            Ok(_) => Ok(true),
            Err(error) if error.downcast_ref::<Errno>() == Some(&Errno::NOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks for what is told in one message, and hands that over. The kernel is not asked to say that this was all: who
    /// asks thirty times a second need not hear it.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn get(&mut self, kind: u16, body: &[u8], each: impl FnMut(Message<'_>)) -> Result<()> {
        self.send(kind, 0, body)?;
        self.receive(true, each).map(drop)
    }

    /// Sends many messages in one, and returns what is answered: the number of a message, and its error's number, or
    /// zero. The kernel has answered when it took the last of them, so nothing is waited for.
    ///
    /// # Errors
    /// What the system says; then it is not known what the kernel did with them.
    pub(crate) fn transact(&mut self, messages: &[u8]) -> Result<Vec<(u32, i32)>> {
        if messages.len() >= rustix::net::sockopt::socket_send_buffer_size(&self.socket)? / 2 {
            rustix::net::sockopt::set_socket_send_buffer_size_force(&self.socket, messages.len())
                .context("the kernel does not take as much at once; this needs CAP_NET_ADMIN, run it as root")?;
        }
        self.answers()?;
        self.put(messages)?;
        self.answers()
    }

    /// What was answered so far.
    fn answers(&mut self) -> Result<Vec<(u32, i32)>> {
        let mut answers = Vec::new();
        loop {
            let received =
                rustix::net::recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT | RecvFlags::TRUNC);
            let length = match received {
                Ok((length, _)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(answers),
                Err(error) => return Err(error).context("the kernel's answer could not be read"),
            };
            let mut rest = self.buffer.get(..length).unwrap_or_default();
            while let Some((header, message, after)) = split(rest) {
                rest = after;
                if message.kind == NLMSG_ERROR {
                    let number = field(message.body, 0).map(i32::from_ne_bytes).context("an answer was cut")?;
                    answers.push((header.sequence, number.saturating_neg()));
                }
            }
        }
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = Vec::with_capacity(HEADER + body.len());
        frame(&mut message, kind, flags, self.sequence, body);
        self.put(&message)
    }

    fn put(&self, messages: &[u8]) -> Result<()> {
        let sent = rustix::net::send(&self.socket, messages, SendFlags::empty())
            .context("the kernel took no netlink message")?;
        ensure!(sent == messages.len(), "a netlink message was cut");
        Ok(())
    }

    /// Reads to the end of the answer, which may be its `first` message. `Ok(false)`: it was interrupted.
    fn receive(&mut self, first: bool, mut each: impl FnMut(Message<'_>)) -> Result<bool> {
        let mut whole = true;
        loop {
            let (length, full) = rustix::io::retry_on_intr(|| {
                rustix::net::recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::TRUNC)
            })
            .context("the kernel's answer could not be read")?;
            ensure!(full <= self.buffer.len(), "the kernel's answer was longer than {BUFFER} bytes");
            let mut rest = self.buffer.get(..length).unwrap_or_default();
            while let Some((header, message, after)) = split(rest) {
                rest = after;
                if header.sequence != self.sequence {
                    continue;
                }
                whole &= header.flags & NLM_F_DUMP_INTR == 0;
                match message.kind {
                    NLMSG_DONE => return Ok(whole),
                    NLMSG_ERROR => return status(message.body).map(|()| whole),
                    _ => each(message),
                }
                if first {
                    return Ok(whole);
                }
            }
        }
    }
}

/// A socket that only hears what the kernel tells everybody.
#[derive(Debug)]
pub(crate) struct Listener(Netlink);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }
}

impl Listener {
    /// To groups of the packet filter, as bits.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn netfilter(groups: u32) -> Result<Self> {
        Self::join(Netlink::netfilter()?, groups)
    }

    /// To groups of interfaces, addresses and routes, as bits.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn route(groups: u32) -> Result<Self> {
        Self::join(Netlink::route()?, groups)
    }

    fn join(netlink: Netlink, groups: u32) -> Result<Self> {
        let address = netlink::SocketAddrNetlink::new(0, groups);
        rustix::net::bind(&netlink.socket, &address)
            .context("the kernel does not let us hear its news; run this as root")?;
        Ok(Self(netlink))
    }

    /// Changes the groups that are heard. (To close the socket instead would wait until the kernel has cleared away
    /// all rules that were ever deleted.)
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn hear(&mut self, groups: u32) -> Result<()> {
        let own = netlink::SocketAddrNetlink::try_from(rustix::net::getsockname(&self.0.socket)?)?;
        rustix::net::bind(&self.0.socket, &netlink::SocketAddrNetlink::new(own.pid(), groups))
            .context("the kernel does not let us choose its news")
    }

    /// Hands over every message that is there. `Ok(true)`: some were lost, because too many came.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Message<'_>)) -> Result<bool> {
        let mut lost = false;
        loop {
            match rustix::net::recv(&self.0.socket, self.0.buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    let mut rest = self.0.buffer.get(..length).unwrap_or_default();
                    while let Some((_, message, after)) = split(rest) {
                        rest = after;
                        each(message);
                    }
                }
                Err(Errno::AGAIN) => return Ok(lost),
                Err(Errno::NOBUFS) => lost = true,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("the kernel's news could not be read"),
            }
        }
    }
}

struct Header {
    flags: u16,
    sequence: u32,
}

/// The first message of a buffer, and what comes after it.
fn split(bytes: &[u8]) -> Option<(Header, Message<'_>, &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(field(bytes, 0)?)).ok()?;
    let message = bytes.get(..length)?;
    let body = message.get(HEADER..)?;
    let header = Header { flags: u16::from_ne_bytes(field(bytes, 6)?), sequence: u32::from_ne_bytes(field(bytes, 8)?) };
    let after = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((header, Message { kind: u16::from_ne_bytes(field(bytes, 4)?), body }, after))
}

/// The messages of a buffer.
#[cfg(test)]
pub(crate) fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (_, message, after) = split(rest)?;
        rest = after;
        Some(message)
    })
}

/// An acknowledgement: zero, or a negative error number.
fn status(body: &[u8]) -> Result<()> {
    match field(body, 0).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(anyhow::Error::new(Errno::from_raw_os_error(number.saturating_neg()))),
        None => bail!("the kernel's answer was cut"),
    }
}

/// Appends a message. What is longer than its own head can say is refused by the kernel.
pub(crate) fn frame(messages: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, body: &[u8]) {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    messages.extend_from_slice(&length.to_ne_bytes());
    messages.extend_from_slice(&kind.to_ne_bytes());
    messages.extend_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
    messages.extend_from_slice(&sequence.to_ne_bytes());
    messages.extend_from_slice(&0u32.to_ne_bytes());
    messages.extend_from_slice(body);
    messages.resize(messages.len().next_multiple_of(4), 0);
}

/// Has the kernel answer the message that begins at an offset, even if all is well.
pub(crate) fn ask_for_answer(messages: &mut [u8], offset: usize) {
    let flags = messages.get_mut(offset..).and_then(|message| message.get_mut(6..8));
    if let Some([first, second]) = flags {
        [*first, *second] = (u16::from_ne_bytes([*first, *second]) | NLM_F_ACK).to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_message_makes_the_parser_run_on_or_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = bytes.as_slice();
            let mut steps = 0;
            while let Some((_, _, after)) = split(rest) {
                prop_assert!(after.len() < rest.len());
                rest = after;
                steps += 1;
            }
            prop_assert!(steps <= bytes.len());
        }
    }
}
