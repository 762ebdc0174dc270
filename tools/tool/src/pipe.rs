//! A closed pipe: whoever read our output has seen enough.

use std::io::{self, ErrorKind};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::exit::Exit;

/// The reader of our output went away: no error, the run ends quietly with the status that is in here.
#[derive(Debug)]
pub struct OutputClosed(pub Exit);

impl std::fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for OutputClosed {}

/// `unwritten` for tools that list: a reader that went away is no failure.
pub fn unprinted(error: io::Error) -> anyhow::Error {
    unwritten(error, Exit::Success)
}

/// This tells a reader that went away from a disk that is full. `exit` is how a run ends that it leaves.
pub(crate) fn unwritten(error: io::Error, exit: Exit) -> anyhow::Error {
    if error.kind() == ErrorKind::BrokenPipe {
        return anyhow::Error::new(OutputClosed(exit));
    }
    anyhow::Error::new(error).context("standard output could not be written")
}

/// Blocks until nobody reads standard output any more, as `tail -f` learns it. Of a file that never comes.
pub(crate) fn await_closed() {
    let output = io::stdout();
    // Nothing is asked for: an error on a pipe, and a terminal that hung up, are told all the same (poll(2)).
    let mut asked = [PollFd::new(&output, PollFlags::empty())];
    while poll(&mut asked, None) == Err(Errno::INTR) {}
}
