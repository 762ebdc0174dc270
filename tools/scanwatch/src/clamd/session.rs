//! One connection to clamd, in a session: files go out with their descriptor, answers come back in
//! whatever order clamd is done with them.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use policy::Clamd;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::reply::{Answer, Garbled, MAX_FRAME, parse};

/// Longest wait for clamd to take what we send.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a connection over TCP.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of content in one chunk of INSTREAM.
const CHUNK: usize = 64 * 1024;

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum Broken {
    /// clamd went away, or does not take or give data.
    Gone(io::Error),
    /// clamd said what is not in the protocol.
    Garbled(Garbled),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone(error) => write!(f, "clamd is gone: {error}"),
            Self::Garbled(garbled) => garbled.fmt(f),
        }
    }
}

impl std::error::Error for Broken {}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<rustix::io::Errno> for Broken {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Gone(error.into())
    }
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A connection in clamd's IDSESSION, on which many scans go at once.
#[derive(Debug)]
pub(crate) struct Session {
    stream: Stream,
    buffer: Vec<u8>,
    /// clamd numbers the commands of a session from 1; we count along.
    sent: u32,
}

impl Session {
    /// Connects and opens a session.
    pub(crate) fn connect(address: &Clamd) -> Result<Self, Broken> {
        let stream = match address {
            Clamd::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
            Clamd::Tcp(address) => Stream::Tcp(TcpStream::connect_timeout(address, CONNECT_TIMEOUT)?),
        };
        match &stream {
            Stream::Unix(unix) => unix.set_write_timeout(Some(SEND_TIMEOUT))?,
            Stream::Tcp(tcp) => {
                tcp.set_write_timeout(Some(SEND_TIMEOUT))?;
                tcp.set_nodelay(true)?;
            }
        }
        let mut session = Self { stream, buffer: Vec::new(), sent: 0 };
        session.send(b"zIDSESSION\0")?;
        Ok(session)
    }

    /// Sends a file to be scanned, and gives the id its answer will have. Over a Unix socket that is
    /// its descriptor, which must be readable: clamd answers "OK" to one that is not. Over TCP it is
    /// the content up to `size` bytes.
    pub(crate) fn submit(&mut self, file: BorrowedFd<'_>, size: u64) -> Result<u32, Broken> {
        match &self.stream {
            Stream::Unix(socket) => {
                let fds = [file];
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
                    return Err(io::Error::other("no room for a descriptor").into());
                }
                // The byte after the command's NUL is the one that carries the descriptor.
                let frame: &[u8] = b"zFILDES\0\0";
                let sent = sendmsg(socket, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL)?;
                self.send(frame.get(sent..).unwrap_or_default())?;
            }
            Stream::Tcp(_) => self.stream_content(file, size)?,
        }
        Ok(self.next())
    }

    /// Asks for engine and signatures; the answer is [`Answer::Version`] under the id given.
    pub(crate) fn ask_version(&mut self) -> Result<u32, Broken> {
        self.send(b"zVERSION\0")?;
        Ok(self.next())
    }

    /// Waits for one answer, at most `timeout`, which must not be zero: for the uses where one
    /// question is in flight.
    pub(crate) fn answer(&mut self, id: u32, timeout: Duration) -> Result<Answer, Broken> {
        self.set_read_timeout(timeout)?;
        loop {
            if let Some((got, answer)) = self.receive()?.into_iter().next() {
                return if got == id { Ok(answer) } else { Err(self.out_of_step(got)) };
            }
        }
    }

    /// Reads what is there (one read: call it when the socket is readable) and gives all answers
    /// that are complete.
    pub(crate) fn receive(&mut self) -> Result<Vec<(u32, Answer)>, Broken> {
        let mut bytes = [0; 4096];
        let read = match &mut self.stream {
            Stream::Unix(unix) => unix.read(&mut bytes)?,
            Stream::Tcp(tcp) => tcp.read(&mut bytes)?,
        };
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.buffer.extend_from_slice(bytes.get(..read).unwrap_or_default());
        let mut answers = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == 0) {
            let frame: Vec<u8> = self.buffer.drain(..=end).collect();
            let (id, answer) = parse(frame.get(..end).unwrap_or_default()).map_err(Broken::Garbled)?;
            if id > self.sent {
                return Err(self.out_of_step(id));
            }
            answers.push((id, answer));
        }
        if self.buffer.len() > MAX_FRAME {
            return Err(Broken::Garbled(Garbled("a reply without an end".to_owned())));
        }
        Ok(answers)
    }

    /// The error of an answer to what was not asked.
    pub(crate) fn out_of_step(&self, id: u32) -> Broken {
        Broken::Garbled(Garbled(format!("an answer numbered {id}, which nobody waits for ({} asked)", self.sent)))
    }

    fn next(&mut self) -> u32 {
        self.sent += 1;
        self.sent
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.stream {
            Stream::Unix(unix) => unix.write_all(bytes)?,
            Stream::Tcp(tcp) => tcp.write_all(bytes)?,
        }
        Ok(())
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        match &self.stream {
            Stream::Unix(unix) => unix.set_read_timeout(Some(timeout)),
            Stream::Tcp(tcp) => tcp.set_read_timeout(Some(timeout)),
        }
    }

    /// INSTREAM: chunks with their length before them (big-endian, 32 bits), an empty one at the end.
    fn stream_content(&mut self, file: BorrowedFd<'_>, size: u64) -> Result<(), Broken> {
        self.send(b"zINSTREAM\0")?;
        let mut chunk = vec![0; CHUNK];
        let mut at = 0;
        while at < size {
            let read = rustix::io::pread(file, chunk.as_mut_slice(), at)?;
            let bytes = chunk.get(..read).unwrap_or_default();
            let Some(length) = u32::try_from(bytes.len()).ok().filter(|length| *length > 0) else { break };
            self.send(&length.to_be_bytes())?;
            self.send(bytes)?;
            at += u64::from(length);
        }
        self.send(&0u32.to_be_bytes())
    }
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Unix(unix) => unix.as_fd(),
            Stream::Tcp(tcp) => tcp.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests;
