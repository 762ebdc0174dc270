//! Prints what is no record: a rendered file, a script.

use std::io::{self, Write};

use crate::pipe::unprinted;

/// Writes all of it to standard output, and flushes.
///
/// # Errors
/// [`OutputClosed`](crate::OutputClosed) for a reader that went away; or if standard output cannot be written.
pub fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(unprinted)
}
