//! How things stand: services by the engine's word, the cell's way out by trying it, bounded folders by the file system's.

mod promise;
mod service;
mod storage;

use policy::Policy;
use record::Writer;

use crate::secret;

/// One record for each service, for the way out, for each secret that the policy names, and for each bounded folder.
pub(crate) fn run(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    for standing in engine::wait_for(service::all(policy))? {
        out.check(&standing.record())?;
    }
    if let Some(record) = engine::wait_for(async { Ok(promise::names(policy).await) })? {
        out.check(&record)?;
    }
    for kept in engine::wait_for(secret::all(policy))? {
        out.check(&kept.record())?;
    }
    for folder in storage::all(policy) {
        out.check(&folder.record())?;
    }
    Ok(())
}
