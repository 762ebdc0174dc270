//! Who waits for others in a network namespace, asked of the kernel (`sock_diag(7)`): it looks at the sockets that
//! listen, and at no other. For a table of proc(5) it walks all that it has room for, some milliseconds each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::message::SockDiagMessage;
use rustix::fd::OwnedFd;
use rustix::fs::fstat;
use rustix::net::{RecvFlags, SendFlags, netlink, recv, send};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::dump;
use crate::process::Process;

/// A socket that waits for others: of TCP one that listens, of UDP one with no peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The address and port that it waits on.
    pub at: SocketAddr,
}

/// A question to the kernel: a protocol, its number, and the state in which its sockets wait (`net/tcp_states.h`).
const ASKED: [(&str, u8, StateFlags); 2] =
    [("tcp", IPPROTO_TCP, StateFlags::LISTEN), ("udp", IPPROTO_UDP, StateFlags::CLOSE)];

/// The most sockets that an answer has. A container that holds more open is not looked at half.
const MOST: usize = 1 << 17;

/// What was found out about one namespace. It is held: its number goes to no other meanwhile.
type Asked = (OwnedFd, Result<Arc<[Listener]>, String>);

/// The network namespaces that were asked, each once: containers share them.
#[derive(Debug, Default)]
pub struct Networks(Mutex<HashMap<(u64, u64), Asked>>);

impl Networks {
    /// Who waits in the namespace of this process.
    ///
    /// # Errors
    /// If it cannot be entered, or the kernel does not answer there.
    pub fn listeners(&self, process: &Process) -> Result<Arc<[Listener]>> {
        let space = process.space("net")?;
        let told = fstat(&space)?;
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, known) = asked.entry((told.st_dev, told.st_ino)).or_insert_with(|| {
            let known = ask_inside(&space).map_err(|error| format!("{error:#}"));
            (space, known)
        });
        known.clone().map_err(|why| anyhow!(why))
    }
}

/// A thread of its own goes in and ends there: this one stays where it is.
fn ask_inside(space: &OwnedFd) -> Result<Arc<[Listener]>> {
    let ask = || {
        move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
            .context("its network namespace cannot be entered; that takes root")?;
        here()
    };
    let thread = std::thread::Builder::new();
    let joined = std::thread::scope(|scope| thread.spawn_scoped(scope, ask).map(std::thread::ScopedJoinHandle::join));
    joined
        .context("no thread to ask its network namespace")?
        .map_err(|_| anyhow!("its network namespace was not asked"))?
}

/// Who waits in the namespace of this thread.
fn here() -> Result<Arc<[Listener]>> {
    let socket =
        dump::to_the_kernel(Some(netlink::SOCK_DIAG)).context("the kernel cannot be asked for sockets (sock_diag)")?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; dump::DATAGRAM]);
    for (protocol, number, state) in ASKED {
        // A kernel without IPv6 has none of it, and says so.
        for question in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
            let told = ask(&socket, &request(question, number, state.clone()), &mut buffer)
                .with_context(|| format!("the kernel does not tell the {protocol} sockets of its network namespace"))?;
            found.extend(told.into_iter().map(|at| Listener { protocol, at }));
        }
    }
    Ok(found.into())
}

/// A dump of the sockets of one family and protocol.
fn request((family, socket_id): (u8, SocketId), protocol: u8, states: StateFlags) -> Vec<u8> {
    let asked = InetRequest { family, protocol, extensions: ExtensionFlags::empty(), states, socket_id };
    dump::question(SockDiagMessage::InetRequest(asked))
}

fn ask(socket: &OwnedFd, question: &[u8], buffer: &mut [u8]) -> Result<Vec<SocketAddr>> {
    send(socket, question, SendFlags::empty())?;
    let mut found = Vec::new();
    while found.len() <= MOST {
        let (read, _) = rustix::io::retry_on_intr(|| recv(socket, &mut *buffer, RecvFlags::empty()))?;
        if read_some(buffer.get(..read).unwrap_or_default(), &mut found)? {
            return Ok(found);
        }
    }
    bail!("there are more than {MOST}")
}

/// Reads the sockets of one datagram. `Ok(true)`: it was the last.
fn read_some(datagram: &[u8], found: &mut Vec<SocketAddr>) -> Result<bool> {
    dump::read_some(datagram, |told| {
        if let SockDiagMessage::InetResponse(told) = told {
            let SocketId { source_address, source_port, .. } = told.header.socket_id;
            found.push(SocketAddr::new(source_address, source_port));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn who_listens_here_is_told_and_who_is_connected_is_not() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = std::net::TcpStream::connect(held.local_addr().unwrap()).unwrap();
        let (udp, peer) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        peer.connect(udp.local_addr().unwrap()).unwrap();
        let told = match here() {
            // A kernel that was built without it: the audit reads the tables.
            Err(error) if error.downcast_ref::<io::Error>().is_some_and(|it| it.raw_os_error() == Some(2)) => return,
            told => told.unwrap(),
        };
        let has = |protocol, at: SocketAddr| told.contains(&Listener { protocol, at });
        assert!(has("tcp", held.local_addr().unwrap()) && has("udp", udp.local_addr().unwrap()), "{told:?}");
        assert!(!has("tcp", connected.local_addr().unwrap()) && !has("udp", peer.local_addr().unwrap()), "{told:?}");
        if let Ok(sixth) = TcpListener::bind("[::1]:0") {
            let at = sixth.local_addr().unwrap();
            assert!(here().unwrap().contains(&Listener { protocol: "tcp", at }), "{at}");
        }
    }

    #[test]
    fn a_namespace_is_asked_once_and_one_that_cannot_be_entered_is_unknown() {
        let own = || Process::open(std::process::id().into()).unwrap();
        let networks = Networks::default();
        let first = networks.listeners(&own());
        let _later = TcpListener::bind("127.0.0.1:0").unwrap();
        match (first, networks.listeners(&own())) {
            (Ok(first), Ok(second)) => assert!(Arc::ptr_eq(&first, &second)),
            // Who is not root may not enter it, be it his own.
            (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
            (first, second) => panic!("{first:?}, then {second:?}"),
        }
        let mut ended = std::process::Command::new("/bin/true").spawn().unwrap();
        let process = Process::open(ended.id().into()).unwrap();
        ended.wait().unwrap();
        assert!(networks.listeners(&process).is_err());
    }

    #[test]
    fn what_is_no_namespace_of_a_network_is_not_entered() {
        let other = rustix::fs::open("/proc/self/ns/uts", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty());
        let error = ask_inside(&other.unwrap()).unwrap_err();
        assert!(error.to_string().contains("cannot be entered"), "{error:#}");
    }

    #[test]
    fn a_refusal_and_what_is_cut_are_errors_and_no_empty_answer() {
        let whole = request((AF_INET, SocketId::new_v4()), IPPROTO_TCP, StateFlags::LISTEN);
        for length in 1..whole.len() {
            assert!(read_some(&whole[..length], &mut Vec::new()).is_err(), "{length}");
        }
        // NLMSG_ERROR with -ENOENT: no such kind of question.
        let refused = [36u32.to_ne_bytes(), 2u32.to_ne_bytes(), [0; 4], [0; 4], (-2i32).to_ne_bytes()].concat();
        let refused = [refused, vec![0; 16]].concat();
        let error = read_some(&refused, &mut Vec::new()).unwrap_err();
        assert_eq!(error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error), Some(2), "{error:#}");
    }
}
