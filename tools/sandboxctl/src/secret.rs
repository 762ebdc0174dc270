//! Secrets: from standard input into the tmpfs of the one container that needs them, through an exec's
//! standard input. Never an argument, a variable, an image, a volume or a file of the host; `docker cp`
//! can't write into a tmpfs.

mod errand;
mod header;
mod kept;
mod target;

use std::io::{IsTerminal, Read};

use anyhow::{Context, anyhow, bail};
use policy::{Policy, Service};
use record::cellblock::Cell;
use record::fields::{Container, File};
use record::{Action, Category, Provider, Record, Type, Writer};
use zeroize::Zeroizing;

pub(crate) use errand::{Errand, deliver};
pub(crate) use kept::all;

/// The most that a secret may hold, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Reads the secret, checks where it is to go, and puts it there.
pub(crate) fn put(policy: &Policy, name: &str, container: &str, out: &mut Writer) -> anyhow::Result<()> {
    known(policy, name, container)?;
    let bytes = header::value(read()?)?;
    let errand = Errand { container, name, bytes: &bytes };
    engine::wait_for(async {
        let docker = engine::Engine::connect().await?;
        deliver(&docker, &errand).await
    })?;
    out.tell(&delivered(&errand))
}

/// Tells of every secret that the policy names whether it is where it is needed.
pub(crate) fn list(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    engine::wait_for(all(policy))?.iter().try_for_each(|kept| out.check(&kept.record()))
}

/// A name that no rule of the gate asks for is a slip of the pen: it would lie there unused.
fn known(policy: &Policy, name: &str, container: &str) -> anyhow::Result<()> {
    let names = kept::names(policy);
    let gate = policy.container(Service::Proxy);
    if !names.contains(&name) {
        let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!(
            "no [[egress]] of {} has credential = \"{name}\"; those it has: {list}. \
             (The vault's key and certificate are delivered by: sandboxctl cert deliver)",
            policy.origin.display()
        );
    }
    if container != gate {
        bail!("'{name}' is the gate's: it goes to the container {gate} only, not to {container}");
    }
    Ok(())
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

fn delivered(errand: &Errand<'_>) -> Record {
    let message = format!("The secret {} was put into {}.", errand.name, errand.container);
    let mut record = Record::new(Provider::Sandboxctl, Action::SecretDelivered, message)
        .about(Category::Configuration, Type::Change);
    record.container = Some(Container::named(errand.container));
    record.file = Some(File::at(errand.path().as_ref()));
    record.own().cell = Some(Cell { secret: Some(errand.name.to_owned()), ..Cell::default() });
    record
}
