//! How many sockets this process may hold. Without room for one, a probe could not be made.

use rustix::process::{Resource, getrlimit};

/// Descriptors that are not probes: standard streams, namespaces, the runtime's own.
const OTHERS: u64 = 64;

/// Raises the soft limit as far as it may go. Says how many probes fit at each of two vantages.
pub(crate) fn sockets(wanted: usize) -> usize {
    engine::raise_descriptors();
    let open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let fits = usize::try_from(open.saturating_sub(OTHERS) / 2).unwrap_or(usize::MAX);
    wanted.min(fits).max(1)
}
