//! A connection with one deadline for all that is read and written, not one for each read. Whoever sends a byte now and
//! then would otherwise hold a check up for as long as it likes.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A TCP connection and its deadline.
#[derive(Debug)]
pub(super) struct DeadlineStream {
    stream: TcpStream,
    deadline: Instant,
}

impl DeadlineStream {
    /// A stream that fails when so much time is over, counted from now.
    pub(super) fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, deadline: Instant::now() + timeout }
    }

    /// Begins another step, with a time of its own.
    pub(super) fn extend(&mut self, timeout: Duration) {
        self.deadline = Instant::now() + timeout;
    }

    fn left(&self) -> Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A socket takes "no time at all" for "for ever".
        if left.is_zero() { Err(Error::from(ErrorKind::TimedOut)) } else { Ok(Some(left)) }
    }
}

/// A socket that may block says "would block" when its time is over. The TLS library takes that for a reason to come
/// back later.
fn too_late(error: Error) -> Error {
    if error.kind() == ErrorKind::WouldBlock { Error::from(ErrorKind::TimedOut) } else { error }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(too_late)
    }
}

impl Write for DeadlineStream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes).map_err(too_late)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}
