//! Where rules are compiled: a network namespace that a thread makes for itself, and that is gone with it.

use std::io;

use anyhow::{Context, Result, anyhow};
use rustix::thread::UnshareFlags;

use super::objects::Objects;
use crate::host::netlink::Netlink;
use crate::host::program::Program;

/// Has nft load a script where no packet ever comes, and returns what the kernel made of it.
///
/// # Errors
/// If there can be no namespace, if nft or the kernel refuses the script, or if copying fails.
pub(super) fn compile(nft: &Program, script: &str) -> Result<Objects> {
    std::thread::scope(|scope| {
        let compiled = scope.spawn(|| {
            leave().context("there can be no network namespace to compile rules in")?;
            nft.run(&["-f", "-"], script.as_bytes()).context("the rules cannot be compiled")?;
            Objects::read(&mut Netlink::netfilter()?).context("the compiled rules could not be read")
        });
        compiled.join().map_err(|_| anyhow!("the thread that compiles rules ended"))?
    })
}

/// Leaves the namespace of the process, for a new one.
#[expect(deprecated, reason = "deprecated for what it can do to file descriptors, which stay as they are here")]
fn leave() -> io::Result<()> {
    Ok(rustix::thread::unshare(UnshareFlags::NEWNET)?)
}
