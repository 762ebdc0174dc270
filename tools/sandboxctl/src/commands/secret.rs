//! `sandboxctl secret`: puts a secret where it is needed, takes one away, and tells which are there.

use std::io::{IsTerminal, Read};

use anyhow::{Context, anyhow, bail};
use policy::PolicyArgs;
use tool::{Exit, OutputArgs, Purpose};
use zeroize::Zeroizing;

use super::with_records;
use crate::cli::Secret;
use crate::secret;

/// The most that a secret may hold, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Puts, lists or drops what only a service may have.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(what: &Secret, policy: &PolicyArgs, output: OutputArgs) -> anyhow::Result<Exit> {
    let purpose = if matches!(what, Secret::List) { Purpose::Judge } else { Purpose::Tell };
    with_records(policy, output, purpose, |policy, out| match what {
        Secret::Put { name, container } => out.write(&secret::put(policy, name, container, read)?),
        Secret::Drop { name } => out.write(&secret::drop_one(policy, name)?),
        Secret::List => {
            engine::wait_for(secret::all(policy))?.iter().try_for_each(|presence| out.check(&presence.record()))
        }
    })
}

fn read() -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        bail!(
            "the secret is read from standard input, not from a terminal that shows it; say: sandboxctl secret put NAME < FILE"
        );
    }
    // As large as it can get: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_SECRET + 1)?));
    input.lock().take(MAX_SECRET + 1).read_to_end(&mut bytes).context("standard input could not be read")?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(anyhow!("a secret holds at most {MAX_SECRET} bytes, and standard input held more"));
    }
    Ok(bytes)
}
