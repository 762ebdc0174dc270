//! How things stand: services by the engine's word, the cell's way out by trying it, bounded folders by the file
//! system's.

mod follow;
mod promise;
mod service;
mod share;
mod storage;
mod usage;

use policy::Policy;
use record::Record;

pub(crate) use follow::follow;

use crate::secret;

/// One record for each service, secret of the policy, bounded folder, and container with the share. And one for the way
/// out.
///
/// # Errors
/// If there is no engine, or it does not answer.
pub(crate) async fn look(policy: &Policy) -> anyhow::Result<Vec<Record>> {
    let mut records: Vec<Record> = service::all(policy).await?.iter().map(service::Standing::record).collect();
    records.extend(promise::names(policy).await);
    records.extend(secret::all(policy).await?.iter().map(secret::Presence::record));
    records.extend(share::all(policy).await);
    records.extend(storage::all(policy).iter().map(storage::Folder::record));
    Ok(records)
}
