//! `cert inspect`: what the gate opens the cell's TLS with, made anew and handed out: key and certificate of each name
//! go into the gate's tmpfs. The authority's certificate goes into the folder that the cell's Node reads. The
//! authority's key is gone by then. Where the policy has nothing to open, what an earlier one left is taken away.

use std::fs;
use std::path::Path;

use anyhow::Context;
use engine::Engine;
use policy::{Policy, Service};
use tool::{Lasting, Writer};

use super::store::Store;
use super::{authority, pair, records};
use crate::paths;
use crate::secret::{self, Delivery};

/// Makes and delivers all of it, or takes it away; one record for each certificate.
///
/// The authority's certificate is there as long as the gate may hold keys: put down before the first of them, taken
/// away after the last. So a later run knows by it that there is something to clear, wherever this one stops.
///
/// # Errors
/// If it could not be made, or the gate does not run. Then names whose key was not delivered are not opened.
pub(crate) fn run(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let (gate, names) = (policy.container(Service::Proxy), policy.inspected());
    let folder = paths::inspected(policy);
    let trusted = paths::authority(policy);
    if names.is_empty() && !is_there(&trusted)? {
        return Ok(());
    }
    // Not the certificate's own folder: the cell sees that one, and could hold the lock for ever.
    let _alone = Store::of(policy).prepare()?;
    engine::wait_for(clear(gate)).with_context(|| format!("{gate} was not cleared of what it opens TLS with"))?;
    if names.is_empty() {
        return fs::remove_file(&trusted).with_context(|| format!("{} could not be removed", trusted.display()));
    }
    let issued = authority::issue(&names)?;
    publish(&folder, &trusted, &issued.authority)?;
    engine::wait_for(hand_over(gate, &issued.leaves)).with_context(|| format!("{gate} opens not all TLS now"))?;
    out.write(&records::authority(&pair::read_certificate(&issued.authority)?, &trusted, &names))?;
    for leaf in &issued.leaves {
        out.write(&records::leaf(&pair::read_certificate(&leaf.certificate)?, &leaf.name, gate))?;
    }
    Ok(())
}

/// What was delivered before goes first: of a name that is no longer opened nothing stays.
async fn clear(gate: &str) -> anyhow::Result<()> {
    secret::clear(&Engine::connect().await?, gate, paths::LEAVES).await
}

async fn hand_over(gate: &str, leaves: &[authority::Leaf]) -> anyhow::Result<()> {
    let docker = Engine::connect().await?;
    for leaf in leaves {
        let name = paths::leaf_file(&leaf.name);
        secret::deliver(&docker, &Delivery { container: gate, name: &name, bytes: &leaf.pair }).await?;
    }
    Ok(())
}

/// An error where nobody can tell.
fn is_there(path: &Path) -> anyhow::Result<bool> {
    path.try_exists().with_context(|| format!("nobody can tell whether {} is there", path.display()))
}

/// For everybody to read, and in one step: a Node that starts meanwhile reads all of it or nothing.
fn publish(folder: &Path, path: &Path, pem: &str) -> anyhow::Result<()> {
    let written =
        fs::create_dir_all(folder).and_then(|()| tool::replace(path, pem.as_bytes(), 0o644, Lasting::Unsynced));
    written.with_context(|| format!("{} could not be written", path.display()))
}
