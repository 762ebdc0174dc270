//! How things stand: services by the engine's word, the cell's way out by trying it, bounded folders by the file system's.

mod follow;
mod promise;
mod service;
mod storage;
mod usage;

use policy::Policy;
use record::Record;
use tool::Writer;

pub(crate) use follow::follow;

use crate::secret;

/// One record for each service, secret of the policy and bounded folder, and one for the way out.
pub(crate) fn run(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    engine::wait_for(look(policy))?.iter().try_for_each(|record| out.check(record))
}

async fn look(policy: &Policy) -> anyhow::Result<Vec<Record>> {
    let mut records: Vec<Record> = service::all(policy).await?.iter().map(service::Standing::record).collect();
    records.extend(promise::names(policy).await);
    records.extend(secret::all(policy).await?.iter().map(secret::Presence::record));
    records.extend(storage::all(policy).iter().map(storage::Folder::record));
    Ok(records)
}
