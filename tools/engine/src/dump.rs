//! Lists that the kernel gives over netlink(7). What its messages mean is a library's to know. The socket is ours: it
//! must not wait without an end, nor hear anybody else.

use std::io;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NLMSG_ALIGNTO, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use rustix::fd::OwnedFd;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, connect, socket_with};

/// The kernel answers at once.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Room for one datagram, in bytes: the kernel sends no more than 32 KiB at a time.
pub const DATAGRAM: usize = 64 * 1024;

/// A socket of this thread's namespace that hears the kernel alone. Else a prisoner that may administer his network
/// could answer in its place. No protocol is the first one, `NETLINK_ROUTE`.
///
/// # Errors
/// If this kernel has no such protocol.
pub fn to_the_kernel(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
    Ok(socket)
}

/// The question for a whole list.
pub fn question<T: NetlinkSerializable>(of: T) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    bytes(NetlinkMessage::new(header, NetlinkPayload::InnerMessage(of)))
}

/// A message as it is sent.
pub fn bytes<T: NetlinkSerializable>(mut message: NetlinkMessage<T>) -> Vec<u8> {
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads the messages of one datagram, each at a multiple of four bytes. `Ok(true)`: it was the last.
///
/// # Errors
/// If the kernel refuses, lost some of its answer, or says what cannot be read.
pub fn read_some<T: NetlinkDeserializable>(mut datagram: &[u8], mut take: impl FnMut(T)) -> Result<bool> {
    while !datagram.is_empty() {
        let message = NetlinkMessage::deserialize(datagram).context("its answer cannot be read")?;
        match message.payload {
            NetlinkPayload::InnerMessage(told) => take(told),
            NetlinkPayload::Done(end) if end.code == 0 => return Ok(true),
            NetlinkPayload::Done(end) => return Err(refusal(end.code)),
            NetlinkPayload::Error(error) => return Err(refusal(error.raw_code())),
            NetlinkPayload::Overrun(_) => bail!("some of its answer was lost"),
            _ => {}
        }
        let length = usize::try_from(message.header.length)?.next_multiple_of(usize::from(NLMSG_ALIGNTO));
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(false)
}

/// What the kernel says no with: a negative number.
fn refusal(code: i32) -> Error {
    io::Error::from_raw_os_error(code.saturating_neg()).into()
}

#[cfg(test)]
mod tests {
    use rustix::net::{SendFlags, getsockname, netlink, sendto, socket};

    use super::*;

    #[test]
    fn nobody_answers_in_the_place_of_the_kernel() {
        for protocol in [Some(netlink::SOCK_DIAG), None] {
            let asking = to_the_kernel(protocol).unwrap();
            let own = SocketAddrNetlink::try_from(getsockname(&asking).unwrap()).unwrap();
            let other = socket(AddressFamily::NETLINK, SocketType::RAW, protocol).unwrap();
            // NLMSG_DONE: there is nothing.
            let done = [20u32.to_ne_bytes(), 3u32.to_ne_bytes(), [0; 4], [0; 4], [0; 4]].concat();
            assert!(sendto(&other, &done, SendFlags::empty(), &SocketAddrNetlink::new(own.pid(), 0)).is_err());
        }
    }
}
