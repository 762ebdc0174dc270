//! How things stand: services by the engine's word, bounded folders by the file system's.

mod service;
mod storage;

use policy::Policy;
use record::Writer;

use crate::engine;

/// One record for each service, then one for each bounded folder.
pub(crate) fn run(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    for standing in engine::wait_for(service::all(policy))? {
        out.check(&standing.record())?;
    }
    for folder in storage::all(policy) {
        out.check(&folder.record())?;
    }
    Ok(())
}
